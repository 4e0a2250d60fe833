import type { KinesisStreamEvent } from 'aws-lambda'
import type { StreamRecord } from '../../services/worker/stream-record.ts'

/** Creates an event as Lambda's event source mapping for Kinesis sends it. A record without a key has no `partitionKey`. */
export function kinesisEvent(records: readonly StreamRecord[]): KinesisStreamEvent {
  const event = {
    Records: records.map(({ data, partitionKey, sequenceNumber, shardId }) => ({
      kinesis: {
        kinesisSchemaVersion: '1.0',
        ...(partitionKey !== undefined && { partitionKey }),
        sequenceNumber,
        data: Buffer.from(data).toString('base64'),
        approximateArrivalTimestamp: 1_795_428_000.123,
      },
      eventSource: 'aws:kinesis',
      eventVersion: '1.0',
      eventID: `${shardId}:${sequenceNumber}`,
      eventName: 'aws:kinesis:record',
      invokeIdentityArn: 'arn:aws:iam::111122223333:role/headgate-worker',
      awsRegion: 'us-east-1',
      eventSourceARN: 'arn:aws:kinesis:us-east-1:111122223333:stream/uploads-stream',
    })),
  }
  return event as KinesisStreamEvent // The type says that every record has a key.
}
