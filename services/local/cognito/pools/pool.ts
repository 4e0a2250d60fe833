import { CognitoError } from '../errors.ts'
import { generateSigningKeySync, type SigningKey } from '../keys.ts'
import type { Client, PasswordPolicy, PoolDocument, Session, User } from './schema.ts'

/** A user pool in memory, with its users, clients and sessions by the keys that requests contain. */
export class UserPool {
  readonly id: string
  readonly name: string
  readonly createdAt: number
  readonly passwordPolicy: PasswordPolicy
  readonly clients: Map<string, Client>
  readonly #keys: SigningKey[]
  readonly #users: Map<string, User>
  readonly #sessions: Map<string, Session>

  constructor(document: PoolDocument) {
    this.id = document.id
    this.name = document.name
    this.createdAt = document.createdAt
    this.passwordPolicy = document.passwordPolicy
    this.clients = new Map(document.clients.map(client => [client.id, client]))
    this.#keys = [...document.keys]
    this.#users = new Map(document.users.map(user => [user.username, user]))
    this.#sessions = new Map(document.sessions.map(session => [session.refreshTokenHash, session]))
  }

  /** Every key whose tokens still verify. */
  get keys(): readonly SigningKey[] {
    return this.#keys
  }

  get signingKey(): SigningKey {
    const key = this.#keys.at(-1)
    if (!key) throw new TypeError(`The pool ${this.id} has no signing key.`)
    return key
  }

  get userCount(): number {
    return this.#users.size
  }

  /** Creates a new signing key. Tokens of the old keys still verify. */
  rotateKeys(): SigningKey {
    const key = generateSigningKeySync()
    this.#keys.push(key)
    return key
  }

  findUser(username: string): User | undefined {
    return this.#users.get(username)
  }

  /** @throws CognitoError UserNotFoundException */
  user(username: string): User {
    const user = this.#users.get(username)
    if (!user) throw new CognitoError('UserNotFoundException', 'User does not exist.')
    return user
  }

  /** @throws CognitoError UsernameExistsException */
  addUser(user: User): void {
    this.refuseTaken(user.username)
    this.#users.set(user.username, user)
  }

  /** @throws CognitoError UsernameExistsException */
  refuseTaken(username: string): void {
    if (this.#users.has(username)) throw new CognitoError('UsernameExistsException', 'User already exists')
  }

  deleteUser(user: User): void {
    this.#users.delete(user.username)
    this.endSessions(user)
  }

  addSession(session: Session): void {
    this.#sessions.set(session.refreshTokenHash, session)
  }

  findSession(refreshTokenHash: string): Session | undefined {
    return this.#sessions.get(refreshTokenHash)
  }

  hasSession(originJti: string): boolean {
    for (const session of this.#sessions.values()) if (session.originJti === originJti) return true
    return false
  }

  endSession(session: Session): void {
    this.#sessions.delete(session.refreshTokenHash)
  }

  endSessions(user: User): void {
    this.#forget(session => session.sub === user.sub)
  }

  /** Removes the sessions that expired before a time. */
  endSessionsBefore(time: number): void {
    this.#forget(session => session.expiresAt < time)
  }

  toDocument(): PoolDocument {
    const { id, name, createdAt, passwordPolicy } = this
    return {
      id,
      name,
      createdAt,
      passwordPolicy,
      keys: this.#keys,
      clients: [...this.clients.values()],
      users: [...this.#users.values()],
      sessions: [...this.#sessions.values()],
    }
  }

  #forget(ended: (session: Session) => boolean): void {
    for (const session of this.#sessions.values()) if (ended(session)) this.endSession(session)
  }
}
