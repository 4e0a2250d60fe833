import { HeadgateError } from '../../platform/errors.ts'

/** The issuer has no key with the id that the token names. */
export class UnknownKeyError extends HeadgateError {
  readonly code = 'HEADGATE_UNKNOWN_KEY'
}

/** It is unknown whether the token's key exists: the issuer does not respond, or without keys, or too many requests wait for it. */
export class KeysUnavailableError extends HeadgateError {
  readonly code = 'HEADGATE_KEYS_UNAVAILABLE'
}

/** The issuer's response is not a usable key set. */
export class InvalidKeySetError extends HeadgateError {
  readonly code = 'HEADGATE_INVALID_KEY_SET'
}

/** A route does not state its access. This is a programming error, which fails the start. */
export class RouteAccessError extends HeadgateError {
  readonly code = 'HEADGATE_ROUTE_ACCESS'
}

/** A token is rejected. The message is sent to the client. */
export class TokenRefusedError extends HeadgateError {
  readonly code = 'HEADGATE_TOKEN_REFUSED'
}
