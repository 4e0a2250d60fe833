import { type KinesisClient, KinesisServiceException, PutRecordsCommand } from '@aws-sdk/client-kinesis'
import type { Clock, Random } from '../../../consumer/clock.ts'
import { classifyError } from '../../../consumer/index.ts'
import { type StreamRef, streamInput } from '../../../consumer/kinesis/stream-ref.ts'
import { backoffMs } from '../../../consumer/processing/backoff.ts'
import { classifyReadError } from '../../../consumer/stream.ts'
import type { InputRecord } from './input-records.ts'

export interface SenderSettings extends StreamRef {
  kinesis: Pick<KinesisClient, 'send'>
  /** Ends the retries. A request in flight is completed, so that it is known which records are on the stream. */
  signal: AbortSignal
  /** Called for each record that is on the stream. */
  onPut(place: { shardId: string; sequenceNumber: string }): void
  /** Called before each retry, with the number of records that were refused. */
  onRetry(records: number, reason: string): void
  clock: Clock
  random: Random
  /** Gives up after this time without an accepted record, in milliseconds. @default 60,000 */
  patienceMs?: number
}

/** The records of a batch that are not on the stream. */
export interface Unsent {
  records: readonly InputRecord[]
  reason: string
  /** The error of the call, if the whole call failed. */
  cause?: unknown
  /** The reply to a request was lost, so some of the records may be on the stream after all. */
  isUncertain: boolean
}

// A shard accepts 1 MiB a second, so a longer wait leaves capacity unused.
const BACKOFF = { firstMs: 200, maxMs: 2_000 }

/** Creates a function that puts a batch by PutRecords, and retries the records that Kinesis refuses. It never rejects. */
export function createSender(settings: SenderSettings): (batch: readonly InputRecord[]) => Promise<Unsent | undefined> {
  const { kinesis, signal, onPut, onRetry, clock, random, patienceMs = 60_000 } = settings
  let hasReplied = false

  /** Sends records by one request. Returns those that were refused. */
  async function attempt(records: readonly InputRecord[]): Promise<Omit<Unsent, 'isUncertain'> | undefined> {
    const Records = records.map(({ data, partitionKey }) => ({ Data: data, PartitionKey: partitionKey }))
    const { Records: results = [] } = await kinesis.send(new PutRecordsCommand({ ...streamInput(settings), Records }))
    hasReplied = true
    let reason: string | undefined
    const refused = records.filter((_, index) => {
      const { SequenceNumber, ShardId = '', ErrorCode, ErrorMessage } = results[index] ?? {}
      if (SequenceNumber) onPut({ shardId: ShardId, sequenceNumber: SequenceNumber })
      else reason ??= ErrorCode ? `${ErrorCode}: ${ErrorMessage ?? ''}` : 'the reply has no result'
      return !SequenceNumber
    })
    return reason === undefined ? undefined : { records: refused, reason }
  }

  /** An endpoint that has never replied is probably wrong. */
  function isWorthRetrying(error: unknown): boolean {
    return classifyReadError(error) === 'throttled' || (hasReplied && classifyError(error) === 'dependency')
  }

  return async batch => {
    let left = batch
    let lastProgress = clock.now()
    let isUncertain = false
    for (let failures = 1; ; failures++) {
      let refused: Omit<Unsent, 'isUncertain'> | undefined
      try {
        refused = await attempt(left)
      } catch (cause) {
        isUncertain ||= !isReply(cause)
        refused = {
          records: left,
          reason: cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause),
          cause,
        }
        if (!isWorthRetrying(cause)) return { ...refused, isUncertain }
      }
      if (!refused) return undefined
      if (refused.records.length < left.length) lastProgress = clock.now()
      left = refused.records
      if (signal.aborted || clock.now() - lastProgress >= patienceMs) return { ...refused, isUncertain }
      onRetry(left.length, refused.reason)
      await clock.sleep(backoffMs(BACKOFF, failures, random), signal)
      if (signal.aborted) return { ...refused, isUncertain }
    }
  }
}

/** Returns true for an error response of Kinesis, and false for an error of the network. */
function isReply(error: unknown): boolean {
  return error instanceof KinesisServiceException && error.$metadata.httpStatusCode !== undefined
}
