import { HeadgateError } from '../../platform/errors.ts'

/** The issuer has no key by the id that the token names. */
export class UnknownKeyError extends HeadgateError {
  readonly code = 'HEADGATE_UNKNOWN_KEY'
}

/** The issuer's keys cannot be had: it does not answer, or not with keys. Says nothing of the token. */
export class KeysUnavailableError extends HeadgateError {
  readonly code = 'HEADGATE_KEYS_UNAVAILABLE'
}

/** A token that is not accepted. The message is for the client. */
export class TokenRefusedError extends HeadgateError {
  readonly code = 'HEADGATE_TOKEN_REFUSED'
}
