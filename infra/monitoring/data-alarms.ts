import { Duration } from 'aws-cdk-lib'
import { Metric } from 'aws-cdk-lib/aws-cloudwatch'
import type { Data } from '../data/data-stack.ts'
import type { AlarmSource } from './alarm-source.ts'

/** Returns the alarms and widgets of the stream and the tables: throttling, and whether the stream is read. */
export function dataAlarms({ stream, uploadsTable, leaseTable }: Data): AlarmSource {
  const period = Duration.minutes(1)
  const ofStream = (metricName: string, statistic = 'Sum') =>
    new Metric({
      namespace: 'AWS/Kinesis',
      metricName,
      dimensionsMap: { StreamName: stream.name },
      statistic,
      period,
    })
  const writes = ofStream('WriteProvisionedThroughputExceeded')
  const reads = ofStream('ReadProvisionedThroughputExceeded')
  const throttled = Object.entries({ Uploads: uploadsTable, Leases: leaseTable }).flatMap(([of, { name: TableName }]) =>
    (['Read', 'Write'] as const).map(way => ({
      of: `${of}${way}s`,
      metric: new Metric({
        namespace: 'AWS/DynamoDB',
        metricName: `${way}ThrottleEvents`,
        dimensionsMap: { TableName },
        statistic: 'Sum',
        period,
      }),
    })),
  )
  return {
    alarms: [
      {
        id: 'StreamWritesThrottled',
        description: 'The stream throttles writes: too few shards, or too many events of one partition key.',
        metric: writes,
        threshold: 0,
        periods: 5,
      },
      {
        id: 'StreamReadsThrottled',
        description: 'The stream throttles reads: more consumers poll it than its shards can serve.',
        metric: reads,
        threshold: 0,
        periods: 15,
      },
      {
        id: 'StreamNotRead',
        description: 'Nothing reads the stream: uploads are accepted and not processed.',
        // A consumer calls GetRecords about every second, whether there are records or not.
        metric: ofStream('GetRecords.Success', 'SampleCount'),
        periods: 10,
        isSteady: true,
      },
      ...throttled.map(({ of, metric }) => ({
        id: 'TableThrottled',
        of,
        description: 'DynamoDB throttles requests to a table.',
        metric,
        threshold: 0,
        periods: 5,
      })),
    ],
    widgets: [
      {
        title: 'Stream',
        left: [ofStream('IncomingRecords'), ofStream('GetRecords.Records')],
        right: [writes, reads],
      },
      { title: 'Throttled by DynamoDB', left: throttled.map(({ metric }) => metric) },
    ],
  }
}
