import { randomBytes } from 'node:crypto'
import { CognitoError } from './errors.ts'
import type { Client, User } from './pools/schema.ts'

/** Cognito's own `AuthSessionValidity`. */
const LIFETIME_MS = 3 * 60_000
/** Challenges that nobody answers must not fill the memory: the oldest give way. */
const MAX_OPEN = 10_000

interface Challenge {
  clientId: string
  sub: string
  expiresAt: number
}

/** Sign-ins that wait for a new password. In memory alone: who signs in during a restart signs in again. */
export class Challenges {
  readonly #open = new Map<string, Challenge>()

  /** @returns the `Session` that the answer has to bring back */
  open(client: Client, user: User, now: number): string {
    for (const [session, { expiresAt }] of this.#open) {
      if (expiresAt > now && this.#open.size < MAX_OPEN) break
      this.#open.delete(session)
    }
    const session = randomBytes(48).toString('base64url')
    this.#open.set(session, { clientId: client.id, sub: user.sub, expiresAt: now + LIFETIME_MS })
    return session
  }

  /** @throws CognitoError NotAuthorizedException when no such challenge waits for this user at this client */
  check(session: string, client: Client, user: User, now: number): void {
    const challenge = this.#open.get(session)
    const isTheirs = challenge?.clientId === client.id && challenge.sub === user.sub
    if (!isTheirs || challenge.expiresAt <= now) throw invalidSession()
  }

  /** Ends a challenge. Of two that answer it at once, one is refused. @throws CognitoError NotAuthorizedException */
  close(session: string): void {
    if (!this.#open.delete(session)) throw invalidSession()
  }
}

export function invalidSession(): CognitoError {
  return new CognitoError('NotAuthorizedException', 'Invalid session for the user.')
}
