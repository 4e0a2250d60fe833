import type { Clock } from '../clock.ts'
import { ConsumerError } from '../errors.ts'
import { newLease, rewindLease } from '../leases/lease.ts'
import type { LeaseStore } from '../leases/lease-store.ts'
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

/** From where on records are handled again. */
export interface ReplayStart {
  /** By the stream's clock. */
  at: Date
  /** Left out: every shard. */
  shardIds?: readonly string[] | undefined
}

/** A replay cannot be done as it is asked for. The message says why. */
export class ReplayError extends ConsumerError {
  readonly code = 'CONSUMER_REPLAY'
}

/** A worker may renew between a look at its lease and the write to it. */
const MAX_ATTEMPTS = 10

/** Asks the stream and the table what a replay would do. Writes nothing. @throws ReplayError for a shard that is not there */
export async function plan({ at, shardIds }: ReplayStart, ports: ReplayPorts): Promise<ShardReplay[]> {
  const { store, stream } = ports
  const shards = await stream.listShards()
  const missing = shardIds?.find(wanted => !shards.some(({ shardId }) => shardId === wanted))
  if (missing !== undefined) throw new ReplayError(`The stream has no shard '${missing}', or has it no more.`)
  const wanted = shards.filter(({ shardId }) => shardIds === undefined || shardIds.includes(shardId))
  const firsts = new Map<string, FirstRecord | 'none' | 'unknown'>()
  await Promise.all(
    wanted.map(async ({ shardId }) => {
      firsts.set(shardId, await firstRecord(shardId, { type: 'AT_TIMESTAMP', at }, ports))
    }),
  )
  // Read last: a worker that goes on meanwhile only comes farther.
  const leases = await store.list({ consistent: true })
  return planReplay({ at: at.getTime(), shards, leases, firsts })
}

/**
 * Does to one shard what was planned. The write is fenced as every worker's is: it happens to the row as it was read, or not at all,
 * and it moves the counter, so that a worker that holds the lease can neither renew it nor write its checkpoint over ours.
 *
 * @returns false where there is nothing to do any more
 * @throws ReplayError where a worker was faster, again and again
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
  throw new ReplayError(`The lease of '${lease.leaseKey}' changes all the time: stop the workers, or try again.`)
}

/**
 * Makes the lease table of a new application that starts at a moment, and its leases. Its workers read the stream beside those of
 * every other application.
 *
 * @returns the shards that it has leases of
 * @throws ReplayError where the table has rows: it would be another application's
 */
export async function prepareApplication(at: Date, { store, stream }: ReplayPorts): Promise<string[]> {
  await store.ensureTable()
  const shards = await stream.listShards()
  if ((await store.list({ consistent: true })).length > 0) {
    throw new ReplayError('The application has leases already: name one that there is not yet.')
  }
  const leases = planLeases({ shards, leases: [], place: startingAt(at.getTime()) })
  for (const lease of leases) await store.create(lease)
  return leases.map(({ leaseKey }) => leaseKey)
}

/**
 * The moment from which on a record comes again, by its sequence number. Some records of the same moment may come before it:
 * the times of Kinesis are approximate.
 *
 * @throws ReplayError where the shard has no such record, or has it no more
 */
export async function momentOf(shardId: string, sequenceNumber: string, ports: ReplayPorts): Promise<Date> {
  const found = await firstRecord(shardId, { type: 'AT_SEQUENCE_NUMBER', sequenceNumber }, ports).catch(cause => {
    throw new ReplayError(`'${shardId}' has no record ${sequenceNumber}: ${(cause as Error).message}`, { cause })
  })
  if (typeof found !== 'object' || found.sequenceNumber !== sequenceNumber) {
    throw new ReplayError(`'${shardId}' has no record ${sequenceNumber}, or has it no more.`)
  }
  return found.arrivedAt
}
