import { HeadgateError } from '../../platform/errors.ts'

/** The issuer has no key by the id that the token names. */
export class UnknownKeyError extends HeadgateError {
  readonly code = 'HEADGATE_UNKNOWN_KEY'
}

/** Whether the token's key exists could not be found out: the issuer does not answer, or not with keys, or too many wait for it. */
export class KeysUnavailableError extends HeadgateError {
  readonly code = 'HEADGATE_KEYS_UNAVAILABLE'
}

/** What the issuer answered is not a key set that can be used. */
export class InvalidKeySetError extends HeadgateError {
  readonly code = 'HEADGATE_INVALID_KEY_SET'
}

/** A route does not state who may use it. A fault of the program, found as it starts. */
export class RouteAccessError extends HeadgateError {
  readonly code = 'HEADGATE_ROUTE_ACCESS'
}

/** A token that is not accepted. The message is for the client. */
export class TokenRefusedError extends HeadgateError {
  readonly code = 'HEADGATE_TOKEN_REFUSED'
}
