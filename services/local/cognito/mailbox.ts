/** What Cognito would have sent by mail. */
export interface Message {
  kind: 'confirmation-code' | 'temporary-password'
  /** the code or the password */
  secret: string
  sentAt: string
}

const MAX_USERS = 10_000

/**
 * The last message to each user. This server sends no mail: the developer reads it here. In memory alone, because the
 * messages are secrets in clear.
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

/** A pool's id has no slash. */
function addressOf(poolId: string, username: string): string {
  return `${poolId}/${username}`
}
