import t from 'tap'
import { embedded, MOST_SECONDS, startScalingSignal } from '../../../services/worker/metrics/scaling-signal.ts'
import { consumerDouble, shardStatus } from '../consumer-double.ts'
import { createMemoryLog } from '../memory-log.ts'

const names = { namespace: 'Headgate', application: 'headgate-worker' }

t.test('the line is one that CloudWatch makes metrics of: each that is named has its value beside it', async t => {
  const consumer = consumerDouble()
  consumer.shards = [shardStatus({ timeToDrainMs: 90_000, millisBehindLatest: 12_000, pending: 4 })]
  const line = embedded(names, consumer.metrics(), 1, 1_795_428_000_000)
  t.match(line, {
    _aws: {
      Timestamp: 1_795_428_000_000,
      CloudWatchMetrics: [
        { Namespace: 'Headgate', Dimensions: [['Application']], Metrics: [{ Name: 'TimeToDrain', Unit: 'Seconds' }] },
      ],
    },
    Application: 'headgate-worker',
    ...{ TimeToDrain: 90, BehindLatest: 12, RecordsPending: 4, LeasesHeld: 1, StuckShards: 1 },
  })
  const { _aws } = line as { _aws: { CloudWatchMetrics: [{ Metrics: Array<{ Name: string }> }] } }
  for (const { Name } of _aws.CloudWatchMetrics[0].Metrics) t.type(line[Name], 'number', Name)
})

t.test('what falls behind has a number all the same, and what is not known is left out', async t => {
  const consumer = consumerDouble()
  consumer.shards = [shardStatus({ timeToDrainMs: Number.POSITIVE_INFINITY })]
  t.equal(embedded(names, consumer.metrics(), 0, 0).TimeToDrain, MOST_SECONDS)
  consumer.shards = [shardStatus({ timeToDrainMs: undefined })]
  const unknown = embedded(names, consumer.metrics(), 0, 0)
  t.notOk('TimeToDrain' in unknown)
  t.notMatch(JSON.stringify(unknown), 'TimeToDrain')
})

t.test('it is logged again and again, whatever the level', async t => {
  const { log, lines } = createMemoryLog()
  log.level = 'error'
  const told = Promise.withResolvers<void>()
  const find = () => {
    if (lines.length >= 1) told.resolve()
    return []
  }
  const signal = startScalingSignal({ ...names, consumer: consumerDouble(), stuck: { find }, log, intervalMs: 5 })
  const wait = setTimeout(() => told.reject(new Error('no line came')), 30_000)
  await told.promise.finally(() => clearTimeout(wait))
  signal.stop()
  t.match(lines[0], { level: 'info', LeasesHeld: 0, Application: 'headgate-worker' })
})
