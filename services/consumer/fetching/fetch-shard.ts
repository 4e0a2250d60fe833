import type { Checkpoint } from '../checkpoint.ts'
import type { Clock, Random } from '../clock.ts'
import { StreamReplyError } from '../errors.ts'
import type { PauseGate } from '../pausing/pause-gate.ts'
import { backoffMs } from '../processing/backoff.ts'
import { bytesInMemory } from '../record.ts'
import type { ChildShard } from '../shards/shard.ts'
import { classifyReadError, type RecordsReply, type StreamReader } from '../stream.ts'
import type { BudgetAccount } from './budget-account.ts'
import { dropRepeated, positionAfter, startPosition } from './position.ts'
import {
  expectedRecordBytes,
  narrow,
  nextFetchDelay,
  recordLimit,
  repeatDelay,
  UNKNOWN_RECORD_BYTES,
  widen,
} from './read-pace.ts'
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
  /** Called for each call of GetRecords or GetShardIterator that Kinesis throttled. */
  onThrottled(error: unknown): void
}

const BACKOFF = { firstMs: 250, maxMs: 5_000 }

/**
 * Reads a shard by polling, in order, at the rate that Kinesis allows, only while the budget has room and the worker is
 * not paused. Memory for the reply is reserved before the call. Recovers from errors: an expired iterator is replaced by
 * one after the last record, and failed calls are retried with backoff. Other applications that poll the shard are
 * noticed by throttled calls, and get their part of what Kinesis allows.
 *
 * @returns the children of the shard once its last record was yielded, or undefined if the signal fired first
 */
export async function* fetchShard(
  settings: FetchSettings,
  start = startPosition(settings),
): AsyncGenerator<RecordsReply, ChildShard[] | undefined> {
  const { shardId, stream, budget, idleIntervalMs, clock, random, pause, signal, onFault, onThrottled } = settings
  let position = start
  let iterator: string | undefined
  /** Sequence number of the last fetched record. */
  let last = start.type === 'AFTER_SEQUENCE_NUMBER' ? start.sequenceNumber : undefined
  let failures = 0
  let throttled = 0
  let spacingMs = 0
  let recordBytes: number | undefined
  let isBehind = true

  while (!signal.aborted) {
    await pause.whenResumed(signal)
    const size = { bytes: recordBytes ?? UNKNOWN_RECORD_BYTES, isKnown: recordBytes !== undefined }
    const reserved = await budget.reserve({ ...size, isBehind }, signal)
    if (signal.aborted) break
    const startedAt = clock.now()
    try {
      if (pause.isPaused) continue
      iterator ??= await stream.getIterator(shardId, position)
      // Either may have changed during the call.
      if (pause.isPaused || signal.aborted) continue
      const limit = recordLimit(reserved, size.bytes, settings.recordsPerFetch)
      const reply = await stream.getRecords(shardId, iterator, limit, {
        signal,
        receive: (bytes, limited) => budget.raise(bytes, limited),
      })
      failures = 0
      throttled = 0
      const held = reply.records.reduce((sum, record) => sum + bytesInMemory(record), 0)
      budget.settle(held)
      recordBytes = expectedRecordBytes(recordBytes, reply.records.length, held)
      isBehind = reply.millisBehindLatest > 0
      spacingMs = narrow(spacingMs)
      const fresh = dropRepeated(reply, last)
      last = fresh.records.at(-1)?.sequenceNumber ?? last
      position = positionAfter(fresh, position)
      iterator = reply.nextIterator
      yield fresh
      budget.settle()
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
      const { millisBehindLatest } = reply
      const delay = nextFetchDelay({ bytes, millisBehindLatest, spacingMs, idleIntervalMs }, random)
      await clock.sleep(startedAt + delay - clock.now(), signal)
    } catch (error) {
      budget.settle()
      if (signal.aborted) return undefined
      const fault = classifyReadError(error)
      if (fault === 'throttled') {
        // The iterator stays valid, and a throttled shard needs fewer calls.
        onThrottled(error)
        if (throttled++ === 0) spacingMs = widen(spacingMs)
        await clock.sleep(repeatDelay(throttled, random), signal)
        continue
      }
      iterator = undefined // Replaced after all other faults, because an iterator lives only 5 minutes.
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
    } finally {
      budget.settle()
    }
  }
  return undefined
}
