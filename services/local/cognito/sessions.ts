import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { CognitoError } from './errors.ts'
import type { UserPool } from './pools/pool.ts'
import type { Client, Session, User } from './pools/schema.ts'

const REFRESH_TOKEN_BYTES = 48
/** The longest life that Cognito lets an access token have. */
const LONGEST_ACCESS_MS = 86_400_000

/** Begins a session. The refresh token exists only in the answer: the pool keeps its hash. */
export function openSession(
  pool: UserPool,
  client: Client,
  user: User,
  now: number,
): { session: Session; refreshToken: string } {
  const refreshToken = randomBytes(REFRESH_TOKEN_BYTES).toString('base64url')
  const session: Session = {
    refreshTokenHash: hashRefreshToken(refreshToken),
    originJti: randomUUID(),
    username: user.username,
    sub: user.sub,
    clientId: client.id,
    authenticatedAt: now,
    expiresAt: now + client.refreshTokenSeconds * 1000,
  }
  // An access token can outlive the refresh token that it came from, and until it ends it needs its session.
  pool.endSessionsBefore(now - LONGEST_ACCESS_MS)
  pool.addSession(session)
  return { session, refreshToken }
}

/**
 * The session of a refresh token, and its user.
 *
 * @throws CognitoError NotAuthorizedException when there is none, it belongs to another client, or its time is up
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
  // A user of the same name who was made later is another user.
  if (user?.sub !== session.sub) throw new CognitoError('NotAuthorizedException', 'Invalid Refresh Token')
  return { session, user }
}

/** A refresh token is random throughout: a plain digest cannot be guessed back. */
export function hashRefreshToken(refreshToken: string): string {
  return createHash('sha256').update(refreshToken).digest('base64url')
}
