import type { Clock } from '../clock.ts'
import { ConsumerError } from '../errors.ts'
import { newLease, rewindLease } from '../leases/lease.ts'
import type { LeaseStore } from '../leases/lease-store.ts'
import { onlyKnown } from '../option-checks.ts'
import { startingAt } from '../shards/initial-position.ts'
import { planLeases } from '../shards/lease-plan.ts'
import type { StreamReader } from '../stream.ts'
import { firstRecord } from './first-record.ts'
import { type FirstRecord, isPast, planReplay, type ShardReplay } from './replay-plan.ts'

export interface ReplayPorts {
  store: LeaseStore
  stream: Pick<StreamReader, 'listShards' | 'getIterator' | 'getRecords'>
  clock: Clock
}

/** The start of a replay. */
export interface ReplayStart {
  /** A time by the clock of the stream. */
  at: Date
  /** The shards to replay. If omitted, every shard. */
  shardIds?: readonly string[] | undefined
}

const NAMES: Record<keyof ReplayStart, true> = { at: true, shardIds: true }

/** The replay is impossible. The message says why. */
export class ReplayError extends ConsumerError {
  readonly code = 'CONSUMER_REPLAY'
}

/** A worker may renew the lease between the read and the write. */
const MAX_ATTEMPTS = 10

/**
 * Plans a replay. Writes nothing.
 *
 * @throws ReplayError if a shard does not exist; ConsumerOptionError if the start has an unknown name
 */
export async function plan(start: ReplayStart, ports: ReplayPorts): Promise<ShardReplay[]> {
  // A mistyped `shardIds` would otherwise replay every shard.
  const { at, shardIds } = onlyKnown(undefined, start, NAMES)
  const { store, stream } = ports
  const shards = await stream.listShards()
  const missing = shardIds?.find(wanted => !shards.some(({ shardId }) => shardId === wanted))
  if (missing !== undefined)
    throw new ReplayError(`The stream does not have the shard '${missing}', or no longer has it.`)
  const wanted = shards.filter(({ shardId }) => shardIds === undefined || shardIds.includes(shardId))
  const firsts = new Map<string, FirstRecord | 'none' | 'unknown'>()
  await Promise.all(
    wanted.map(async ({ shardId }) => {
      firsts.set(shardId, await firstRecord(shardId, { type: 'AT_TIMESTAMP', at }, ports))
    }),
  )
  // The leases are read last. A worker that continues in the meantime only gets further.
  const leases = await store.list({ consistent: true })
  return planReplay({ at: at.getTime(), shards, leases, firsts })
}

/**
 * Applies the plan of one shard. The write is fenced like those of the workers: it applies to the row that was read, or
 * not at all. It changes the counter, so a worker that holds the lease can neither renew it nor overwrite the new
 * checkpoint.
 *
 * @returns false if there is nothing to do any more
 * @throws ReplayError if workers changed the lease before every attempt
 */
export async function apply(planned: ShardReplay, at: Date, { store }: Pick<ReplayPorts, 'store'>): Promise<boolean> {
  const startAt = at.getTime()
  if (planned.change === 'none') return false
  if (planned.change === 'create') {
    const { shardId: leaseKey, startingSequenceNumber: shardStart, ...shard } = planned.shard
    const { parentShardIds, startingHashKey, endingHashKey } = shard
    const lease = { leaseKey, parentShardIds, startingHashKey, endingHashKey, shardStart, ...startingAt(startAt) }
    return await store.create(newLease(lease))
  }
  let lease = planned.lease
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    if (await store.swap(lease, rewindLease(lease, startAt))) return true
    const current = await store.get(lease.leaseKey)
    if (!current || !isPast(current, planned.first, startAt)) return false
    lease = current
  }
  throw new ReplayError(`The lease of '${lease.leaseKey}' keeps changing. Stop the workers, or retry.`)
}

/**
 * Creates the lease table and the leases of a new application that starts at a given time. Its workers read the stream
 * independently of all other applications.
 *
 * @returns the ids of the shards that have a lease
 * @throws ReplayError if the table has rows, or if another process creates rows with a different time: the table may
 *   belong to another application
 */
export async function prepareApplication(at: Date, { store, stream }: ReplayPorts): Promise<string[]> {
  const startAt = at.getTime()
  const isInUse = () => new ReplayError('The application already has leases. Choose a name that is not in use.')
  await store.ensureTable()
  const shards = await stream.listShards()
  if ((await store.list({ consistent: true })).length > 0) throw isInUse()
  const leases = planLeases({ shards, leases: [], place: startingAt(startAt) })
  for (const lease of leases) {
    if (await store.create(lease)) continue
    // The row may be this one, if only the reply to an earlier attempt was lost. A worker that starts at the same time
    // takes the start time from the first row.
    if ((await store.get(lease.leaseKey))?.startAt !== startAt) throw isInUse()
  }
  return leases.map(({ leaseKey }) => leaseKey)
}

/**
 * Returns the time at which a replay must start to include a record, given its sequence number. Records with the same
 * arrival time may be delivered before it, because the times of Kinesis are approximate.
 *
 * @throws ReplayError if the shard does not have such a record, or no longer has it
 */
export async function momentOf(shardId: string, sequenceNumber: string, ports: ReplayPorts): Promise<Date> {
  const found = await firstRecord(shardId, { type: 'AT_SEQUENCE_NUMBER', sequenceNumber }, ports).catch(cause => {
    throw new ReplayError(`'${shardId}' has no record ${sequenceNumber}: ${(cause as Error).message}`, { cause })
  })
  if (typeof found !== 'object' || found.sequenceNumber !== sequenceNumber) {
    throw new ReplayError(`'${shardId}' does not have the record ${sequenceNumber}, or no longer has it.`)
  }
  return found.arrivedAt
}
