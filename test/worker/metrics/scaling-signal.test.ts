import t from 'tap'
import { MAX_SECONDS, signalOf, startScalingSignal } from '../../../services/worker/metrics/scaling-signal.ts'
import { consumerDouble, shardStatus } from '../consumer-double.ts'

t.test('what a worker knows of itself is told as CloudWatch has it, in seconds', async t => {
  const consumer = consumerDouble()
  consumer.shards = [shardStatus({ timeToDrainMs: 90_000, millisBehindLatest: 12_000, pending: 4 })]
  t.strictSame(signalOf(consumer.metrics(), 1, 3_000), {
    ...{ TimeToDrain: 90, BehindLatest: 12, RecordsPending: 4, LeasesHeld: 1, StuckShards: 1, OutboxAge: 3 },
  })
})

t.test('what falls behind has a number all the same, and what is not known is left out', async t => {
  const consumer = consumerDouble()
  consumer.shards = [shardStatus({ timeToDrainMs: Number.POSITIVE_INFINITY })]
  t.equal(signalOf(consumer.metrics(), 0, 0).TimeToDrain, MAX_SECONDS)
  consumer.shards = [shardStatus({ timeToDrainMs: undefined })]
  const unknown = signalOf(consumer.metrics(), 0, undefined)
  t.equal(unknown.TimeToDrain, undefined)
  t.equal(unknown.OutboxAge, undefined)
})

t.test('it is told again and again', async t => {
  const told = Promise.withResolvers<void>()
  let times = 0
  const signal = startScalingSignal({
    emitMetrics: () => {
      if (++times === 2) told.resolve()
    },
    consumer: consumerDouble(),
    stuck: { find: () => [] },
    relay: { oldestMs: () => undefined },
    intervalMs: 5,
  })
  const wait = setTimeout(() => told.reject(new Error('it was not told twice')), 30_000)
  await told.promise.finally(() => clearTimeout(wait))
  signal.stop()
  t.ok(times >= 2)
})
