import type { Checkpoint } from '../checkpoint.ts'
import type { Clock, Random } from '../clock.ts'
import { StreamReplyError } from '../errors.ts'
import type { PauseGate } from '../pausing/pause-gate.ts'
import { backoffMs } from '../processing/backoff.ts'
import type { ChildShard } from '../shards/shard.ts'
import { classifyReadError, type RecordsReply, type StreamReader } from '../stream.ts'
import type { BudgetAccount } from './byte-budget.ts'
import { dropRepeated, positionAfter, startPosition } from './position.ts'
import { childrenInReply, childrenOfTrimmed, type MissingShard } from './shard-end.ts'

export interface FetchSettings {
  shardId: string
  /** The hash keys and first sequence number of the shard, which identify its descendants after it was trimmed. */
  shard: MissingShard
  stream: StreamReader
  /** The checkpoint of the shard. The record at the checkpoint is delivered again, and the caller drops it. */
  from: Checkpoint
  /** Epoch milliseconds, with a LATEST or AT_TIMESTAMP checkpoint. */
  startAt: number | undefined
  budget: BudgetAccount
  recordsPerFetch: number
  idleIntervalMs: number
  clock: Clock
  random: Random
  /** Nothing is fetched while the worker is paused. */
  pause: PauseGate
  /** Stops fetching. */
  signal: AbortSignal
  onFault(operation: string, error: unknown): void
}

/** Kinesis allows 5 GetRecords a second and shard, and counts every application that polls. */
const MIN_INTERVAL_MS = 200

/** Kinesis returns up to 2 MiB a second and shard. A larger reply is charged to the seconds that follow. */
const BYTES_PER_MS = (2 * 1024 ** 2) / 1_000

const BACKOFF = { firstMs: 250, maxMs: 5_000 }

/**
 * Reads a shard by polling, in order, at the rate that Kinesis allows, only while the budget has room and the worker is
 * not paused. Recovers from errors: an expired iterator is replaced by one after the last record, and failed calls are retried with backoff.
 *
 * @returns the children of the shard once its last record was yielded, or undefined if the signal fired first
 */
export async function* fetchShard(
  settings: FetchSettings,
  start = startPosition(settings),
): AsyncGenerator<RecordsReply, ChildShard[] | undefined> {
  const { shardId, stream, clock, random, pause, signal, onFault } = settings
  let position = start
  let iterator: string | undefined
  /** Sequence number of the last fetched record. */
  let last = start.type === 'AFTER_SEQUENCE_NUMBER' ? start.sequenceNumber : undefined
  let failures = 0

  while (!signal.aborted) {
    await untilFetchable(settings)
    if (signal.aborted) return undefined
    const startedAt = clock.now()
    try {
      iterator ??= await stream.getIterator(shardId, position)
      if (pause.isPaused) continue
      const reply = await stream.getRecords(shardId, iterator, settings.recordsPerFetch, signal)
      failures = 0
      const fresh = dropRepeated(reply, last)
      last = fresh.records.at(-1)?.sequenceNumber ?? last
      position = positionAfter(fresh, position)
      iterator = reply.nextIterator
      yield fresh
      if (iterator === undefined) {
        const children = childrenInReply(shardId, reply)
        if (children.length > 0) return children
        // A listing of the shard as closed would prove nothing, because there may be more records to read.
        onFault(
          'GetRecords',
          new StreamReplyError(`A reply for '${shardId}' has no next iterator and no children. Reading continues.`),
        )
      }
      const bytes = reply.records.reduce((sum, record) => sum + record.data.byteLength, 0)
      const delay = nextFetchDelay(bytes, reply.millisBehindLatest, settings.idleIntervalMs)
      await clock.sleep(startedAt + delay - clock.now(), signal)
    } catch (error) {
      if (signal.aborted) return undefined
      const fault = classifyReadError(error)
      // Replaced after most faults, because an iterator lives only 5 minutes. A throttled iterator stays valid, and a
      // throttled shard needs fewer calls.
      if (fault !== 'throttled') iterator = undefined
      if (fault === 'expired iterator') continue
      onFault('GetRecords', error)
      if (fault === 'not found') {
        const children = await childrenOfTrimmed(shardId, settings.shard, stream).catch((cause: unknown) => {
          onFault('ListShards', cause)
          return undefined // Not the return value of `onFault`, which is not a list of children.
        })
        if (children) return children
      }
      // The position was trimmed. Reading continues at the first record left, and repeated records are dropped.
      if (fault === 'invalid position' && 'sequenceNumber' in position) position = { type: 'TRIM_HORIZON' }
      await clock.sleep(backoffMs(BACKOFF, ++failures, random), signal)
    }
  }
  return undefined
}

/** Waits until records may be fetched: the worker is not paused, and the budget has room. Or until the signal fires. */
export async function untilFetchable({ budget, pause, signal }: FetchSettings): Promise<void> {
  do {
    await pause.whenResumed(signal)
    await budget.room(signal)
  } while (pause.isPaused && !signal.aborted)
}

/** Returns how many milliseconds after the start of one fetch the next one may start. */
function nextFetchDelay(bytes: number, millisBehindLatest: number, idleIntervalMs: number): number {
  const minDelay = Math.max(MIN_INTERVAL_MS, bytes / BYTES_PER_MS)
  const isCaughtUp = bytes === 0 && millisBehindLatest === 0
  return isCaughtUp ? Math.max(minDelay, idleIntervalMs) : minDelay
}
