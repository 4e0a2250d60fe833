import { Duration } from 'aws-cdk-lib'
import { MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch'
import type { Data } from '../data/data-stack.ts'
import type { AlarmSource } from './alarm-source.ts'

/** Of the stream and the tables: what AWS refuses because it is more than was provided for. */
export function dataAlarms({ stream, uploadsTable, leaseTable }: Data): AlarmSource {
  const period = Duration.minutes(1)
  const ofStream = (metricName: string) =>
    new Metric({
      namespace: 'AWS/Kinesis',
      metricName,
      dimensionsMap: { StreamName: stream.name },
      statistic: 'Sum',
      period,
    })
  const ofTable = (TableName: string, metricName: string) =>
    new Metric({ namespace: 'AWS/DynamoDB', metricName, dimensionsMap: { TableName }, statistic: 'Sum', period })
  const writes = ofStream('WriteProvisionedThroughputExceeded')
  const reads = ofStream('ReadProvisionedThroughputExceeded')
  const tables = new MathExpression({
    label: 'Throttled by DynamoDB',
    expression: 'ur + uw + lr + lw',
    period,
    usingMetrics: {
      ur: ofTable(uploadsTable.name, 'ReadThrottleEvents'),
      uw: ofTable(uploadsTable.name, 'WriteThrottleEvents'),
      lr: ofTable(leaseTable.name, 'ReadThrottleEvents'),
      lw: ofTable(leaseTable.name, 'WriteThrottleEvents'),
    },
  })
  return {
    alarms: [
      {
        id: 'StreamWritesThrottled',
        description: 'The stream refuses events: too few shards, or one partition key has too many.',
        metric: writes,
        threshold: 0,
        minutes: 5,
      },
      {
        id: 'StreamReadsThrottled',
        description: 'The stream refuses reads: more consumers poll it than its shards serve.',
        metric: reads,
        threshold: 0,
        minutes: 15,
      },
      {
        id: 'TableThrottled',
        description: 'DynamoDB refuses requests to the tables.',
        metric: tables,
        threshold: 0,
        minutes: 5,
      },
    ],
    widgets: [
      {
        title: 'Stream',
        left: [ofStream('IncomingRecords'), ofStream('GetRecords.Records')],
        right: [writes, reads],
      },
      { title: 'Tables', left: [tables] },
    ],
  }
}
