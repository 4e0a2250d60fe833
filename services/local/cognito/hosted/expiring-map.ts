import { createHash, randomBytes } from 'node:crypto'

const KEY_BYTES = 32
const MAX_ENTRIES = 10_000

/**
 * Values by random keys, for a limited time. Only hashes of the keys are in memory. They do not survive a restart: the
 * user signs in again. If there are too many values, the oldest are dropped.
 */
export class ExpiringMap<T> {
  readonly #entries = new Map<string, { value: T; expiresAt: number }>()
  readonly #lifetimeMs: number

  constructor(lifetimeMs: number) {
    this.#lifetimeMs = lifetimeMs
  }

  /** Adds a value, and returns its key. */
  add(value: T, now: number): string {
    for (const [key, { expiresAt }] of this.#entries) {
      if (expiresAt > now && this.#entries.size < MAX_ENTRIES) break
      this.#entries.delete(key)
    }
    const key = randomBytes(KEY_BYTES).toString('base64url')
    this.#entries.set(hash(key), { value, expiresAt: now + this.#lifetimeMs })
    return key
  }

  get(key: string, now: number): T | undefined {
    const entry = this.#entries.get(hash(key))
    return entry && entry.expiresAt > now ? entry.value : undefined
  }

  /** Removes a value and returns it. Of two concurrent calls, one gets the value. */
  take(key: string, now: number): T | undefined {
    const value = this.get(key, now)
    this.delete(key)
    return value
  }

  delete(key: string): void {
    this.#entries.delete(hash(key))
  }
}

function hash(key: string): string {
  return createHash('sha256').update(key).digest('base64url')
}
