import { Compile } from 'typebox/compile'
import { CognitoError, CognitoStateError } from '../errors.ts'
import { UserPool } from './pool.ts'
import { type Client, type StateDocument, stateSchema } from './schema.ts'

const isState = Compile(stateSchema)

/** All pools of the server. */
export class UserPools {
  readonly #pools: Map<string, UserPool>

  constructor(pools: Iterable<UserPool> = []) {
    this.#pools = new Map([...pools].map(pool => [pool.id, pool]))
  }

  /** @throws CognitoStateError if the document is not a state of this server */
  static from(document: unknown): UserPools {
    if (isState.Check(document)) return new UserPools(document.pools.map(pool => new UserPool(pool)))
    const [fault] = isState.Errors(document)
    throw new CognitoStateError(
      `It is not the state of user pools: ${fault?.instancePath ?? ''} ${fault?.message ?? ''}.`,
    )
  }

  add(pool: UserPool): void {
    this.#pools.set(pool.id, pool)
  }

  find(id: string): UserPool | undefined {
    return this.#pools.get(id)
  }

  /** @throws CognitoError ResourceNotFoundException */
  pool(id: string): UserPool {
    const pool = this.#pools.get(id)
    if (!pool) throw new CognitoError('ResourceNotFoundException', `User pool ${id} does not exist.`)
    return pool
  }

  findClient(clientId: string): { pool: UserPool; client: Client } | undefined {
    for (const pool of this.#pools.values()) {
      const client = pool.clients.get(clientId)
      if (client) return { pool, client }
    }
    return undefined
  }

  /**
   * Returns a client and its pool. A client's id is unique among all pools.
   *
   * @throws CognitoError ResourceNotFoundException
   */
  client(clientId: string): { pool: UserPool; client: Client } {
    const found = this.findClient(clientId)
    if (!found) throw new CognitoError('ResourceNotFoundException', `User pool client ${clientId} does not exist.`)
    return found
  }

  [Symbol.iterator](): IterableIterator<UserPool> {
    return this.#pools.values()
  }

  toDocument(): StateDocument {
    return { version: 1, pools: [...this].map(pool => pool.toDocument()) }
  }
}
