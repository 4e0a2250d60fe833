import { HeadgateError } from '../../platform/errors.ts'

/** The names that Cognito itself gives its errors, as far as this server has reason to use them. */
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

/** What a caller is told: `code` becomes `__type` on the wire. */
export class CognitoError extends HeadgateError {
  readonly code: CognitoErrorName

  constructor(code: CognitoErrorName, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** The server cannot be started with these settings. The message names the setting. */
export class CognitoSettingsError extends HeadgateError {
  readonly code = 'HEADGATE_COGNITO_SETTINGS'
}

/** The state file is there but holds no state of this server. It is left as it is. */
export class CognitoStateError extends HeadgateError {
  readonly code = 'HEADGATE_COGNITO_STATE'
}
