import { TokenRefusedError } from './errors.ts'

/** What a Cognito token must say beyond being signed, in time and from the right issuer. */
export interface ExpectedClaims {
  clientId: string
}

/** An owner goes into keys of S3: nothing in it may be read as a path or a pattern. */
const OWNER = /^[A-Za-z0-9_-]{1,128}$/

/**
 * Checks the claims that the JWT library does not: an id token is for a client by `aud`, an access token by `client_id`,
 * and a claim that is absent is not a claim that holds.
 *
 * @returns the owner: the token's `sub`
 * @throws TokenRefusedError
 */
export function ownerFromClaims(claims: Readonly<Record<string, unknown>>, { clientId }: ExpectedClaims): string {
  const { token_use: use, sub } = claims
  if (use !== 'id' && use !== 'access') throw new TokenRefusedError('The token is neither an id nor an access token')
  const audience = use === 'id' ? claims.aud : claims.client_id
  if (audience !== clientId) throw new TokenRefusedError('The token is for another client')
  if (typeof sub !== 'string' || !OWNER.test(sub))
    throw new TokenRefusedError('The token has a subject that is not taken')
  return sub
}
