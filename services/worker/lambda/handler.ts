import type { Context, KinesisStreamBatchResponse, KinesisStreamEvent } from 'aws-lambda'
import { compareSequence } from '../../consumer/index.ts'
import type { Logger } from '../../platform/log.ts'
import type { Processor } from '../processing/processor.ts'
import type { StreamRecord } from '../stream-record.ts'
import { type BatchSettings, processBatch } from './batch.ts'
import { recordsByShard, recordsOf } from './records.ts'
import { createRedelivered } from './redelivered.ts'
import { createSuspects } from './suspects.ts'

export interface LambdaHandlerSettings extends Partial<Pick<BatchSettings, 'concurrency' | 'workerId'>> {
  processor: Processor
  log: Pick<Logger, 'warn'>
  /** Epoch milliseconds. */
  now?: () => number
}

/** A handler for an event source mapping of a Kinesis stream with `ReportBatchItemFailures` on. */
export type LambdaHandler = (
  event: KinesisStreamEvent,
  context: Pick<Context, 'getRemainingTimeInMillis'>,
) => Promise<KinesisStreamBatchResponse>

/**
 * Lambda retries from the sequence number that the function returns, with everything after it. So the handler returns the lowest
 * sequence number of each shard that is not done, and remembers the records after it that are done.
 */
export function createLambdaHandler({
  processor,
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
    return { batchItemFailures: lowestOfEach.flat().map(itemIdentifier => ({ itemIdentifier })) }
  }
}

function lowest(records: readonly StreamRecord[]): string | undefined {
  return records.map(({ sequenceNumber }) => sequenceNumber).sort(compareSequence)[0]
}
