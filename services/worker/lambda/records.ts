import type { KinesisStreamRecord } from 'aws-lambda'
import { type ConsumerRecord, unpack } from '../../consumer/index.ts'
import { NotKinesisEventError } from '../errors.ts'

/** Groups the records of an event by shard, and unpacks aggregated records. An event source mapping sends records of one shard. */
export function recordsByShard(records: readonly KinesisStreamRecord[]): Map<string, ConsumerRecord[]> {
  const byShard = Map.groupBy(records.map(toRecord), ({ shardId }) => shardId)
  // The event does not say which hash keys the shard has, so every record counts as inside.
  const settings = { isInside: () => true, onOutside: () => undefined }
  return new Map([...byShard].map(([shardId, records]) => [shardId, [...unpack(records, settings)].flat()]))
}

/**
 * Returns the records of an event.
 *
 * @throws NotKinesisEventError for an event that is not of a Kinesis event source mapping
 */
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

/** The event has the shard only in the event id (`shardId-000000000006:4959…`), and the time in seconds. */
function toRecord({ kinesis, eventID }: KinesisStreamRecord): ConsumerRecord {
  return {
    data: Buffer.from(kinesis.data, 'base64'),
    // The type of the event says that it is always there, but a record that was put without a key has none.
    partitionKey: kinesis.partitionKey || undefined,
    sequenceNumber: kinesis.sequenceNumber,
    subSequenceNumber: 0,
    shardId: eventID.slice(0, eventID.lastIndexOf(':')),
    arrivedAt: new Date(kinesis.approximateArrivalTimestamp * 1_000),
  }
}
