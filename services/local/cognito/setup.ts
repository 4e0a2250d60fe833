import { CognitoSettingsError, CognitoStateError } from './errors.ts'
import { readDocument } from './persistence.ts'
import { createClient, createPool } from './pools/create.ts'
import { UserPools } from './pools/state.ts'
import type { CognitoPoolDefinition } from './settings.ts'

/** The pools that a file keeps, or none where there is no file yet. @throws CognitoStateError */
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
 * Makes the pools and clients that are not there yet.
 *
 * @returns whether it made any
 * @throws CognitoSettingsError when another pool has a client of the same id
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
  const { id, name, clients } = definition
  const known = pools.find(id)
  const pool = known ?? (await createPool({ id, name, createdAt: now }))
  if (!known) pools.add(pool)
  const missing = clients.filter(client => !pool.clients.has(client.id))
  for (const client of missing) {
    const taken = pools.findClient(client.id)
    if (taken) throw new CognitoSettingsError(`pools: the client ${client.id} is one of ${taken.pool.id} already`)
    pool.clients.set(client.id, createClient({ ...client, createdAt: now }))
  }
  return !known || missing.length > 0
}
