/** A message that Cognito would send by email. */
export interface Message {
  kind: 'confirmation-code' | 'temporary-password'
  /** The code or the password. */
  secret: string
  sentAt: string
}

const MAX_USERS = 10_000

/**
 * The last message to each user. This server sends no email: a developer reads the messages here. They are only in
 * memory, because they are secrets in plain text.
 */
export class Mailbox {
  readonly #messages = new Map<string, Message>()

  send(poolId: string, username: string, message: Message): void {
    const key = addressOf(poolId, username)
    this.#messages.delete(key)
    this.#messages.set(key, message)
    if (this.#messages.size <= MAX_USERS) return
    const [oldest] = this.#messages.keys()
    if (oldest !== undefined) this.#messages.delete(oldest)
  }

  read(poolId: string, username: string): Message | undefined {
    return this.#messages.get(addressOf(poolId, username))
  }

  clear(poolId: string, username: string): void {
    this.#messages.delete(addressOf(poolId, username))
  }
}

/** Returns a unique key: a pool's id has no slash. */
function addressOf(poolId: string, username: string): string {
  return `${poolId}/${username}`
}
