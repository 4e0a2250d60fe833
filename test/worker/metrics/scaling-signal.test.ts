import t from 'tap'
import { MAX_SECONDS, signalOf, startScalingSignal } from '../../../services/worker/metrics/scaling-signal.ts'
import { consumerDouble, shardStatus } from '../consumer-double.ts'

t.test('the metrics for CloudWatch have times in seconds', async t => {
  const consumer = consumerDouble()
  consumer.shards = [shardStatus({ timeToDrainMs: 90_000, millisBehindLatest: 12_000, pending: 4 })]
  t.strictSame(signalOf(consumer.metrics(), 1, { outboxMs: 3_000, notificationMs: 4_000, scanMs: 5_000 }), {
    ...{ TimeToDrain: 90, BehindLatest: 12, RecordsPending: 4, LeasesHeld: 1, StuckShards: 1, OutboxAge: 3 },
    NotificationAge: 4,
    ScanAge: 5,
    Paused: 0,
  })
  consumer.paused = { scope: 'application', workerId: undefined, by: 'ann', reason: 'a test', at: new Date() }
  t.equal(signalOf(consumer.metrics(), 0, { outboxMs: 0, notificationMs: undefined }).Paused, 1)
})

t.test('a shard that falls behind has the maximum time to drain, and unknown values are omitted', async t => {
  const consumer = consumerDouble()
  consumer.shards = [shardStatus({ timeToDrainMs: Number.POSITIVE_INFINITY })]
  t.equal(signalOf(consumer.metrics(), 0, { outboxMs: 0, notificationMs: undefined }).TimeToDrain, MAX_SECONDS)
  consumer.shards = [shardStatus({ timeToDrainMs: undefined })]
  const unknown = signalOf(consumer.metrics(), 0, { outboxMs: undefined, notificationMs: undefined })
  t.equal(unknown.TimeToDrain, undefined)
  t.equal(unknown.OutboxAge, undefined)
})

t.test('the metrics are emitted at every interval', async t => {
  const emitted = Promise.withResolvers<void>()
  let times = 0
  const signal = startScalingSignal({
    emitMetrics: () => {
      if (++times === 2) emitted.resolve()
    },
    consumer: consumerDouble(),
    stuck: { find: () => [] },
    relay: { oldestMs: () => undefined },
    intervalMs: 5,
  })
  const wait = setTimeout(() => emitted.reject(new Error('not emitted twice')), 30_000)
  await emitted.promise.finally(() => clearTimeout(wait))
  signal.stop()
  t.ok(times >= 2)
})
