import { CognitoError } from '../errors.ts'
import type { UserPool } from '../pools/pool.ts'
import type { Client, Session, User } from '../pools/schema.ts'
import { hashRefreshToken } from '../sessions.ts'
import { issueTokens } from '../tokens.ts'
import type { Context } from './operation.ts'

/** Who signs in, and with which client. */
export interface SignIn {
  pool: UserPool
  client: Client
  user: User
}

/** Returns new tokens of a session, as Cognito's API has them. */
export function grantTokens(
  { issuer, now }: Context,
  { pool, client, user }: SignIn,
  session: Session,
  nonce?: string | undefined,
) {
  const grant = { pool, issuer: issuer(pool.id), client, user, session, now: now(), nonce }
  const { idToken, accessToken } = issueTokens(grant)
  return { AccessToken: accessToken, ExpiresIn: client.accessTokenSeconds, IdToken: idToken, TokenType: 'Bearer' }
}

/**
 * Ends the session of a refresh token. An unknown token is no error (RFC 7009, 2.2).
 *
 * @throws CognitoError UnsupportedTokenTypeException, UnauthorizedException
 */
export function endSession(pool: UserPool, client: Client, refreshToken: string): void {
  // A refresh token of this server has no dots; every JWT has two.
  if (refreshToken.split('.').length === 3)
    throw new CognitoError('UnsupportedTokenTypeException', 'Only a refresh token can be revoked.')
  const session = pool.findSession(hashRefreshToken(refreshToken))
  if (session && session.clientId !== client.id)
    throw new CognitoError('UnauthorizedException', 'The token was not issued to this client.')
  if (session) pool.endSession(session)
}
