import { type Checkpoint, compareSequence, isSequence } from '../checkpoint.ts'
import type { Clock, Random } from '../clock.ts'
import { backoffMs } from '../processing/backoff.ts'
import type { ChildShard } from '../shards/shard.ts'
import { classifyReadError, type RecordsReply, type ShardPosition, type StreamReader } from '../stream.ts'
import type { BudgetAccount } from './byte-budget.ts'
import { nextFetchDelay } from './pace.ts'

export interface FetchSettings {
  shardId: string
  stream: StreamReader
  /** Where the shard is done up to. The record it names comes again: whoever counts has to drop it. */
  from: Checkpoint
  /** Epoch milliseconds, with an AT_TIMESTAMP checkpoint. */
  startAt: number | undefined
  budget: BudgetAccount
  recordsPerFetch: number
  idleIntervalMs: number
  clock: Clock
  random: Random
  /** Ends the fetching. */
  signal: AbortSignal
  onFault(operation: string, error: unknown): void
}

const BACKOFF = { firstMs: 250, mostMs: 5_000 }

/**
 * Reads a shard by polling, in order, at the pace that Kinesis allows and no faster than the budget is freed. Heals what can
 * be healed: an expired iterator is made anew behind the last record fetched, any failed call is made again with backoff.
 *
 * @returns the shard's children once its last record has been given, or undefined where the signal came first
 */
export async function* fetchShard(settings: FetchSettings): AsyncGenerator<RecordsReply, ChildShard[] | undefined> {
  const { shardId, stream, budget, clock, random, signal, onFault } = settings
  let position = startOf(settings)
  let iterator: string | undefined
  /** The last record fetched. */
  let last: string | undefined
  let failures = 0

  while (!signal.aborted) {
    await roomInBudget(budget, signal)
    if (signal.aborted) return undefined
    const startedAt = clock.now()
    try {
      iterator ??= await stream.getIterator(shardId, position)
      const reply = await stream.getRecords(shardId, iterator, settings.recordsPerFetch, signal)
      failures = 0
      const fresh = behindLast(reply, last)
      last = fresh.records.at(-1)?.sequenceNumber ?? last
      position = last === undefined ? position : { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: last }
      iterator = reply.nextIterator
      yield fresh
      if (iterator === undefined) {
        const children = await childrenOf(shardId, reply, stream)
        if (children) return children
        onFault('GetRecords', new Error(`'${shardId}' gave no next iterator but is not closed; it is read on.`))
      }
      const bytes = reply.records.reduce((sum, record) => sum + record.data.byteLength, 0)
      const delay = nextFetchDelay({ bytes, millisBehindLatest: reply.millisBehindLatest }, settings)
      await clock.sleep(startedAt + delay - clock.now(), signal)
    } catch (error) {
      if (signal.aborted) return undefined
      iterator = undefined // Made anew behind the last record: right after any fault, and an iterator lives 5 minutes only.
      const fault = classifyReadError(error)
      if (fault === 'expired iterator') continue
      onFault('GetRecords', error)
      if (fault === 'not found') {
        const children = await childrenOfTrimmed(settings)
        if (children) return children
      }
      // The place is not there any more: it was trimmed. What is left begins behind it, and what came already is dropped.
      if (fault === 'invalid position' && 'sequenceNumber' in position) position = { type: 'TRIM_HORIZON' }
      await clock.sleep(backoffMs(BACKOFF, ++failures, random), signal)
    }
  }
  return undefined
}

function startOf({ from, startAt }: FetchSettings): ShardPosition {
  if (isSequence(from)) return { type: 'AT_SEQUENCE_NUMBER', sequenceNumber: from.sequenceNumber }
  if (startAt !== undefined) return { type: 'AT_TIMESTAMP', at: new Date(startAt) }
  return from.sequenceNumber === 'LATEST' ? { type: 'LATEST' } : { type: 'TRIM_HORIZON' }
}

/** The reply without what has come already: that is in it only where the shard is read again from its start. */
function behindLast(reply: RecordsReply, last: string | undefined): RecordsReply {
  const [first] = reply.records
  if (last === undefined || !first || compareSequence(first.sequenceNumber, last) > 0) return reply
  return { ...reply, records: reply.records.filter(record => compareSequence(record.sequenceNumber, last) > 0) }
}

/** The children of a shard that is in the stream no more; undefined where it still is, or nobody can tell. */
async function childrenOfTrimmed({ shardId, stream, onFault }: FetchSettings): Promise<ChildShard[] | undefined> {
  try {
    const shards = await stream.listShards()
    // An empty list is a stream that is being made or deleted, and proves nothing.
    if (shards.length === 0 || shards.some(shard => shard.shardId === shardId)) return undefined
    return shards.filter(shard => shard.parentShardIds.includes(shardId))
  } catch (error) {
    onFault('ListShards', error)
    return undefined
  }
}

/** The children of a shard whose last reply had no iterator; undefined where the shard is not closed after all. */
async function childrenOf(
  shardId: string,
  reply: RecordsReply,
  stream: StreamReader,
): Promise<ChildShard[] | undefined> {
  const told = reply.childShards.filter(child => child.parentShardIds.includes(shardId))
  if (told.length > 0) return told
  const shards = await stream.listShards()
  const children = shards.filter(shard => shard.parentShardIds.includes(shardId))
  const isClosed = shards.find(shard => shard.shardId === shardId)?.closed ?? children.length > 0
  return isClosed && children.length > 0 ? children : undefined
}

async function roomInBudget(budget: BudgetAccount, signal: AbortSignal): Promise<void> {
  if (budget.hasRoom()) return
  const aborted = Promise.withResolvers<void>()
  const wake = () => aborted.resolve()
  signal.addEventListener('abort', wake, { once: true })
  try {
    while (!signal.aborted && !budget.hasRoom()) await Promise.race([budget.whenFreed(), aborted.promise])
  } finally {
    signal.removeEventListener('abort', wake)
  }
}
