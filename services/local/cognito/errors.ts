import { HeadgateError } from '../../platform/errors.ts'

/** The error names of Cognito that this server uses. */
export type CognitoErrorName =
  | 'CodeMismatchException'
  | 'ExpiredCodeException'
  | 'InternalErrorException'
  | 'InvalidParameterException'
  | 'InvalidPasswordException'
  | 'NotAuthorizedException'
  | 'RequestEntityTooLargeException'
  | 'ResourceNotFoundException'
  | 'SerializationException'
  | 'UnauthorizedException'
  | 'UnknownOperationException'
  | 'UnsupportedTokenTypeException'
  | 'UserNotConfirmedException'
  | 'UserNotFoundException'
  | 'UsernameExistsException'

/** An error response to a client: `code` becomes `__type` on the wire. */
export class CognitoError extends HeadgateError {
  readonly code: CognitoErrorName

  constructor(code: CognitoErrorName, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** The settings are invalid. The message names the setting. */
export class CognitoSettingsError extends HeadgateError {
  readonly code = 'HEADGATE_COGNITO_SETTINGS'
}

/** The state file exists but holds no state of this server. The file is not changed. */
export class CognitoStateError extends HeadgateError {
  readonly code = 'HEADGATE_COGNITO_STATE'
}
