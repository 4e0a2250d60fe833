import { randomBytes } from 'node:crypto'
import { CognitoError } from './errors.ts'
import type { Client, User } from './pools/schema.ts'

/** Cognito's default of `AuthSessionValidity`. */
const LIFETIME_MS = 3 * 60_000
/** Challenges without an answer must not fill the memory: the oldest are dropped. */
const MAX_OPEN = 10_000

interface Challenge {
  clientId: string
  sub: string
  expiresAt: number
}

/** Sign-ins that wait for a new password. They are only in memory: after a restart, the user signs in again. */
export class Challenges {
  readonly #open = new Map<string, Challenge>()

  /** Opens a challenge and returns the `Session` that the answer must contain. */
  open(client: Client, user: User, now: number): string {
    for (const [session, { expiresAt }] of this.#open) {
      if (expiresAt > now && this.#open.size < MAX_OPEN) break
      this.#open.delete(session)
    }
    const session = randomBytes(48).toString('base64url')
    this.#open.set(session, { clientId: client.id, sub: user.sub, expiresAt: now + LIFETIME_MS })
    return session
  }

  /** @throws CognitoError NotAuthorizedException if no such challenge is open for this user and client */
  check(session: string, client: Client, user: User, now: number): void {
    const challenge = this.#open.get(session)
    const isTheirs = challenge?.clientId === client.id && challenge.sub === user.sub
    if (!isTheirs || challenge.expiresAt <= now) throw invalidSession()
  }

  /**
   * Closes a challenge. Of two concurrent answers, one is rejected.
   *
   * @throws CognitoError NotAuthorizedException
   */
  close(session: string): void {
    if (!this.#open.delete(session)) throw invalidSession()
  }
}

export function invalidSession(): CognitoError {
  return new CognitoError('NotAuthorizedException', 'Invalid session for the user.')
}
