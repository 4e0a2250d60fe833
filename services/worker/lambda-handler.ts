import type { Context, KinesisStreamBatchResponse, KinesisStreamEvent, KinesisStreamRecord } from 'aws-lambda'
import type { Logger } from '../platform/log.ts'
import { processBatch } from './lambda-batch.ts'
import type { Processor } from './processor.ts'
import type { StreamRecord } from './record.ts'

export interface LambdaHandlerSettings {
  processor: Processor
  log: Pick<Logger, 'warn'>
}

/** A handler for an event source mapping of a Kinesis stream with `ReportBatchItemFailures` on. */
export type LambdaHandler = (
  event: KinesisStreamEvent,
  context: Pick<Context, 'getRemainingTimeInMillis'>,
) => Promise<KinesisStreamBatchResponse>

export function createLambdaHandler({ processor, log }: LambdaHandlerSettings): LambdaHandler {
  return async (event, context) => {
    const remainingMs = () => context.getRemainingTimeInMillis()
    const process = processor.process
    const itemIdentifier = await processBatch(event.Records.map(toStreamRecord), { process, log, remainingMs })
    return { batchItemFailures: itemIdentifier === undefined ? [] : [{ itemIdentifier }] }
  }
}

/** The shard is told only as the first part of the event id, `shardId-000000000006:4959…`. */
function toStreamRecord({ kinesis, eventID }: KinesisStreamRecord): StreamRecord {
  return {
    data: Buffer.from(kinesis.data, 'base64'),
    partitionKey: kinesis.partitionKey,
    sequenceNumber: kinesis.sequenceNumber,
    shardId: eventID.slice(0, eventID.lastIndexOf(':')),
  }
}
