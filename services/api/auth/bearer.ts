import { TokenRefusedError } from './errors.ts'

/** The longest token that is looked at, in bytes. Cognito's are 1 to 3 KiB; verifying costs time in their length. */
export const MAX_TOKEN_BYTES = 16 * 1024

const BEARER = /^Bearer(?: +(.*))?$/i
const TOKEN = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/

/**
 * Takes the token out of an `Authorization` header (RFC 6750).
 *
 * @returns undefined where there is no bearer token at all
 * @throws TokenRefusedError where there is one that cannot be a JWT
 */
export function bearerToken(authorization: unknown): string | undefined {
  if (authorization === undefined) return undefined
  if (typeof authorization !== 'string') throw new TokenRefusedError('The request has more than one token')
  const match = BEARER.exec(authorization)
  if (!match) return undefined
  const token = match[1] ?? ''
  if (token.length > MAX_TOKEN_BYTES) throw new TokenRefusedError('The token is too long')
  if (!TOKEN.test(token)) throw new TokenRefusedError('The token is malformed')
  return token
}
