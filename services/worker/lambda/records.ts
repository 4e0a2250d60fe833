import type { KinesisStreamRecord } from 'aws-lambda'
import { type ConsumerRecord, unpack } from '../../consumer/index.ts'
import { NotKinesisEventError } from '../errors.ts'

/** The records of an event, those inside aggregated ones one by one, by shard. A mapping brings those of one shard alone. */
export function recordsByShard(records: readonly KinesisStreamRecord[]): Map<string, ConsumerRecord[]> {
  const byShard = Map.groupBy(records.map(toRecord), ({ shardId }) => shardId)
  // Which hash keys the shard has is not told: everything is inside.
  const settings = { isInside: () => true, onOutside: () => undefined }
  return new Map([...byShard].map(([shardId, records]) => [shardId, [...unpack(records, settings)].flat()]))
}

/** Returns the records of an event. @throws NotKinesisEventError for an event of another source, or of none */
export function recordsOf(event: unknown): KinesisStreamRecord[] {
  const records = typeof event === 'object' && event !== null && 'Records' in event ? event.Records : undefined
  if (Array.isArray(records) && records.every(isKinesisRecord)) return records
  throw new NotKinesisEventError(
    'This function processes the records of an event source mapping of Kinesis. The event has no such records.',
  )
}

function isKinesisRecord(record: unknown): record is KinesisStreamRecord {
  return typeof record === 'object' && record !== null && 'kinesis' in record && 'eventID' in record
}

/** The shard is told only as the first part of the event id, `shardId-000000000006:4959…`; the time is in seconds. */
function toRecord({ kinesis, eventID }: KinesisStreamRecord): ConsumerRecord {
  return {
    data: Buffer.from(kinesis.data, 'base64'),
    partitionKey: kinesis.partitionKey,
    sequenceNumber: kinesis.sequenceNumber,
    subSequenceNumber: 0,
    shardId: eventID.slice(0, eventID.lastIndexOf(':')),
    arrivedAt: new Date(kinesis.approximateArrivalTimestamp * 1_000),
  }
}
