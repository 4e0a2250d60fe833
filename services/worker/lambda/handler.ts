import type { Context, KinesisStreamBatchResponse, KinesisStreamEvent } from 'aws-lambda'
import { compareSequence } from '../../consumer/index.ts'
import type { Logger } from '../../platform/log.ts'
import type { Notifier } from '../notifications/notifier.ts'
import type { Processor } from '../processing/processor.ts'
import type { StreamRecord } from '../stream-record.ts'
import { type BatchSettings, processBatch } from './batch.ts'
import { recordsByShard, recordsOf } from './records.ts'
import { createRedelivered } from './redelivered.ts'
import { createSuspects } from './suspects.ts'

export interface LambdaHandlerSettings extends Partial<Pick<BatchSettings, 'concurrency' | 'workerId'>> {
  processor: Processor
  /** Sends the notifications of a batch before the invocation ends, as far as it gets. */
  notifier?: Pick<Notifier, 'drain'> | undefined
  /** Called at the end of each invocation. */
  onEnd?: (() => void) | undefined
  log: Pick<Logger, 'warn'>
  /** Epoch milliseconds. */
  now?: () => number
}

/** A handler for an event source mapping of a Kinesis stream with `ReportBatchItemFailures` on. */
export type LambdaHandler = (
  event: KinesisStreamEvent,
  context: Pick<Context, 'getRemainingTimeInMillis'>,
) => Promise<KinesisStreamBatchResponse>

/** Maximum time that an invocation waits for notifications. An instance is frozen after it, so the relay sends those that are left. */
const DRAIN_MS = 1_000

/**
 * Lambda retries from the sequence number that the function returns, with everything after it. So the handler returns the lowest
 * sequence number of each shard that is not done, and remembers the records after it that are done.
 */
export function createLambdaHandler({
  processor,
  notifier,
  onEnd,
  log,
  workerId,
  concurrency,
  now,
}: LambdaHandlerSettings): LambdaHandler {
  const redelivered = createRedelivered()
  const suspects = createSuspects(now)

  async function runShard(
    shardId: string,
    records: readonly StreamRecord[],
    remainingMs: () => number,
  ): Promise<string[]> {
    const left = redelivered.left(shardId, records)
    const suspicion = suspects.startBatch(shardId)
    const settings = {
      process: processor.process,
      workerId,
      log,
      remainingMs,
      ...suspicion,
      ...(concurrency !== undefined && { concurrency }),
    }
    const unfinished = new Set(await processBatch(left, settings))
    const from = lowest([...unfinished])
    if (from === undefined) return []
    redelivered.expect(
      shardId,
      from,
      records.filter(record => !unfinished.has(record)),
    )
    return [from]
  }

  return async (event, context) => {
    const remainingMs = () => context.getRemainingTimeInMillis()
    const shards = [...recordsByShard(recordsOf(event))]
    const lowestOfEach = await Promise.all(shards.map(([id, records]) => runShard(id, records, remainingMs)))
    await notifier?.drain(Math.min(DRAIN_MS, remainingMs() / 4))
    onEnd?.()
    return { batchItemFailures: lowestOfEach.flat().map(itemIdentifier => ({ itemIdentifier })) }
  }
}

function lowest(records: readonly StreamRecord[]): string | undefined {
  return records.map(({ sequenceNumber }) => sequenceNumber).sort(compareSequence)[0]
}
