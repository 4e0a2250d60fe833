import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { CognitoError } from './errors.ts'
import type { UserPool } from './pools/pool.ts'
import type { Client, Session, User } from './pools/schema.ts'

const REFRESH_TOKEN_BYTES = 48
/** The maximum lifetime of an access token in Cognito. */
const LONGEST_ACCESS_MS = 86_400_000

/** Opens a session. The refresh token is only in the result; the pool stores its hash. */
export function openSession(
  pool: UserPool,
  client: Client,
  user: User,
  now: number,
  { authenticatedAt = now, ...scope }: { authenticatedAt?: number; scope?: string } = {},
): { session: Session; refreshToken: string } {
  const refreshToken = randomBytes(REFRESH_TOKEN_BYTES).toString('base64url')
  const session: Session = {
    refreshTokenHash: hashRefreshToken(refreshToken),
    originJti: randomUUID(),
    username: user.username,
    sub: user.sub,
    clientId: client.id,
    authenticatedAt,
    expiresAt: now + client.refreshTokenSeconds * 1000,
    ...scope,
  }
  // An access token can be valid for longer than its refresh token, and needs the session until then.
  pool.endSessionsBefore(now - LONGEST_ACCESS_MS)
  pool.addSession(session)
  return { session, refreshToken }
}

/**
 * Returns the session and the user of a refresh token.
 *
 * @throws CognitoError NotAuthorizedException if there is none, it belongs to another client, or it has expired
 */
export function resumeSession(
  pool: UserPool,
  client: Client,
  refreshToken: string,
  now: number,
): { session: Session; user: User } {
  const session = pool.findSession(hashRefreshToken(refreshToken))
  if (session?.clientId !== client.id) throw new CognitoError('NotAuthorizedException', 'Invalid Refresh Token')
  if (session.expiresAt <= now) throw new CognitoError('NotAuthorizedException', 'Refresh Token has expired')
  const user = pool.findUser(session.username)
  // A user who was created later with the same name is another user.
  if (user?.sub !== session.sub) throw new CognitoError('NotAuthorizedException', 'Invalid Refresh Token')
  return { session, user }
}

/** Hashes a refresh token. The token is random, so a plain digest cannot be reversed by guessing. */
export function hashRefreshToken(refreshToken: string): string {
  return createHash('sha256').update(refreshToken).digest('base64url')
}
