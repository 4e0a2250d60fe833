import { isDeepStrictEqual } from 'node:util'
import { readDocument } from '../document-file.ts'
import { CognitoSettingsError, CognitoStateError } from './errors.ts'
import { createClient, createPool } from './pools/create.ts'
import type { UserPool } from './pools/pool.ts'
import { UserPools } from './pools/state.ts'
import type { CognitoClientDefinition, CognitoPoolDefinition } from './settings.ts'

/**
 * Resolves to the pools of a file, or to no pools if there is no file yet.
 *
 * @throws CognitoStateError
 */
export async function loadPools(file: string | undefined): Promise<UserPools> {
  if (file === undefined) return new UserPools()
  try {
    const document = await readDocument(file)
    return document === undefined ? new UserPools() : UserPools.from(document)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CognitoStateError(`The user pools cannot be read from ${file}. ${reason}`, { cause })
  }
}

/**
 * Creates the pools and clients that do not exist, and updates the settings of the sign-in pages.
 *
 * @returns true if anything changed
 * @throws CognitoSettingsError if another pool has a client of the same id
 */
export async function ensurePools(
  pools: UserPools,
  definitions: readonly CognitoPoolDefinition[],
  now: number,
): Promise<boolean> {
  const changes = await Promise.all(definitions.map(definition => ensurePool(pools, definition, now)))
  return changes.includes(true)
}

async function ensurePool(pools: UserPools, definition: CognitoPoolDefinition, now: number): Promise<boolean> {
  const { id, name, clients, signingKey } = definition
  const known = pools.find(id)
  const pool = known ?? (await createPool({ id, name, createdAt: now, signingKey }))
  if (!known) pools.add(pool)
  const missing = clients.filter(client => !pool.clients.has(client.id))
  for (const client of missing) {
    const taken = pools.findClient(client.id)
    if (taken)
      throw new CognitoSettingsError(`pools: the client id ${client.id} already belongs to the pool ${taken.pool.id}`)
    pool.clients.set(client.id, createClient({ id: client.id, name: client.name, createdAt: now }))
  }
  const changed = clients.filter(client => updatePages(pool, client))
  return !known || missing.length > 0 || changed.length > 0
}

/** Returns whether the settings of the sign-in pages were different. */
function updatePages(pool: UserPool, { id, oauth }: CognitoClientDefinition): boolean {
  const client = pool.clients.get(id)
  if (!client || !oauth) return false
  const { scopes, callbackUrls = [], logoutUrls = [] } = oauth
  const next = { scopes: [...scopes], callbackUrls: [...callbackUrls], logoutUrls: [...logoutUrls] }
  if (isDeepStrictEqual(client.oauth, next)) return false
  client.oauth = next
  return true
}
