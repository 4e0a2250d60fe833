import { TokenRefusedError } from './errors.ts'

/** Maximum size of a token, in bytes. Cognito's have 1 to 3 KiB. The time to verify a token grows with its size. */
export const MAX_TOKEN_BYTES = 16 * 1024

const BEARER = /^Bearer(?: +(.*))?$/i
const TOKEN = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/

/**
 * Reads the token from an `Authorization` header (RFC 6750).
 *
 * @returns undefined if there is no bearer token
 * @throws TokenRefusedError if the token can't be a JWT
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

/** The claims that a Cognito token must have beside a valid signature, lifetime and issuer. */
export interface ExpectedClaims {
  clientId: string
}

/** An owner becomes a part of S3 keys, so it must contain nothing that is a path or a pattern. */
const OWNER = /^[A-Za-z0-9_-]{1,128}$/

/**
 * Checks the claims that the JWT library does not check. An id token names its client in `aud`, an access token in `client_id`. A missing
 * claim is an invalid one.
 *
 * @returns the owner: the token's `sub`
 * @throws TokenRefusedError
 */
export function ownerFromClaims(claims: Readonly<Record<string, unknown>>, { clientId }: ExpectedClaims): string {
  const { token_use: use, sub } = claims
  if (use !== 'id' && use !== 'access') throw new TokenRefusedError('The token is neither an id nor an access token')
  const audience = use === 'id' ? claims.aud : claims.client_id
  if (audience !== clientId) throw new TokenRefusedError('The token is for another client')
  if (typeof sub !== 'string' || !OWNER.test(sub)) throw new TokenRefusedError('The subject of the token is invalid')
  return sub
}
