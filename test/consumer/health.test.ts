import t from 'tap'
import {
  type ConsumerState,
  DuplicateWorkerError,
  type HealthOptions,
  healthOf,
  type KinesisConsumer,
} from '../../services/consumer/index.ts'
import { Counters } from '../../services/consumer/metrics/counters.ts'
import { type MetricsInput, metricsOf } from '../../services/consumer/metrics/metrics.ts'
import { until as eventually } from '../support/processes.ts'
import { shardStatus } from '../worker/consumer-double.ts'
import { collector, STREAM, startStream, whenever } from './support.ts'

interface Given extends Partial<MetricsInput> {
  state?: ConsumerState
  failure?: DuplicateWorkerError
  failoverMs?: number
}

function health({ state = 'running', failure, failoverMs = 10_000, ...input }: Given, options?: HealthOptions) {
  const metrics = () =>
    metricsOf({
      origin: { workerId: 'w', applicationName: 'a', streamName: 's' },
      ...{ counters: new Counters(), shards: [], bufferedBytes: 0, yielded: 0, breaker: 'closed', scanAgeMs: 1 },
      ...{ paused: undefined, unread: 0 },
      ...input,
    })
  return healthOf({ state, failure, failoverMs, metrics } as KinesisConsumer, options)
}

t.test('a running consumer is live and ready, without a reason', async t => {
  t.strictSame(health({ shards: [shardStatus(), shardStatus({ pending: 3, stalledMs: 300_000 })] }), {
    ...{ live: true, ready: true, state: 'running', reasons: [] },
  })
})

t.test('a consumer that has not started or is stopping is live and not ready', async t => {
  for (const state of ['created', 'starting', 'stopping'] as const) {
    t.match(health({ state, scanAgeMs: undefined }), { live: true, ready: false, reasons: [{ code: state }] }, state)
  }
})

t.test('a stopped consumer is not live, and its failure is the first reason', async t => {
  t.match(health({ state: 'stopped' }), { live: false, ready: false, reasons: [{ code: 'stopped' }] })
  const failure = new DuplicateWorkerError('Another process runs.')
  const reasons = [{ code: 'failed', message: 'Another process runs.' }, { code: 'stopping' }]
  t.match(health({ state: 'stopping', failure }), { live: false, ready: false, reasons })
})

t.test('a consumer that has not read the lease table for six failover times and a minute is not live', async t => {
  t.match(health({ scanAgeMs: 60_000 }), { live: true, ready: true })
  t.match(health({ scanAgeMs: 60_001 }), { live: false, ready: false, reasons: [{ code: 'lease table' }] })
  t.match(health({ scanAgeMs: 60_001, failoverMs: 20_000 }), { live: true, ready: true })
  t.match(health({ scanAgeMs: 60_001, failoverMs: 1_000 }), { live: false })
  t.match(health({ scanAgeMs: 90_000, state: 'stopping' }), { live: true }, 'a stop does not scan')
})

t.test(
  'a failing dependency, a stalled shard and a shard that is not read make a consumer unready, not dead',
  async t => {
    t.match(health({ breaker: 'open' }), { live: true, ready: false, reasons: [{ code: 'breaker' }] })
    const stalled = shardStatus({ shardId: 'shardId-7', pending: 3, stalledMs: 300_001, fetchAgeMs: 400_000 })
    t.match(health({ shards: [stalled] }), {
      ...{ live: true, ready: false },
      reasons: [{ code: 'stalled', shardId: 'shardId-7', message: /^3 records of shardId-7 wait, .* for 300 s\.$/ }],
    })
    const unread = shardStatus({ fetchAgeMs: 300_001 })
    t.match(health({ shards: [unread] }), { live: true, ready: false, reasons: [{ code: 'unread' }] })
    t.match(health({ shards: [unread] }, { stuckAfterMs: 400_000 }), { live: true, ready: true })
    t.match(health({ shards: [shardStatus({ fetchAgeMs: undefined })] }), { ready: true }, 'nothing was fetched yet')
  },
)

t.test(
  'a paused consumer is live and not ready, says who paused it and why, and no shard counts as stalled',
  async t => {
    const paused = {
      scope: 'application',
      workerId: undefined,
      by: 'ann',
      reason: 'migration',
      at: new Date(0),
    } as const
    const found = health({ paused, shards: [shardStatus({ pending: 3, stalledMs: 900_000 })] })
    const message = 'The consumer is paused by ann since 1970-01-01T00:00:00.000Z: migration'
    t.strictSame(found, { live: true, ready: false, state: 'running', reasons: [{ code: 'paused', message }] })
  },
)

t.test('a real consumer is unready while its only record fails, and ready once the record is done', async t => {
  const { consumer: create, put } = await startStream(t, { shards: 1 })
  let isBroken = true
  const { handler, texts, until } = collector()
  const consumer = create({
    handler: async record => {
      if (isBroken) throw new Error('broken')
      await handler(record)
    },
    retry: { firstMs: 50, maxMs: 50 },
  })
  const now = () => healthOf(consumer, { stuckAfterMs: 500 })
  t.match(now(), { live: true, ready: false, reasons: [{ code: 'created' }] })
  await consumer.start()
  t.match(now(), { live: true, ready: true, state: 'running' })
  t.equal(consumer.metrics().streamName, STREAM)
  await put([{ key: 'a', data: 'first' }])
  await whenever([consumer], () => now().reasons[0]?.code === 'stalled')
  t.match(now(), { live: true, ready: false })
  isBroken = false
  await until(() => texts().length === 1)
  await eventually(() => now().ready, { what: 'the consumer to be ready' })
  await put([{ key: 'a', data: 'second' }])
  await until(() => texts().length === 2)
  t.match(now(), { ready: true }, 'the time without records does not count')
  await consumer.stop()
  t.match(now(), { live: false, ready: false, reasons: [{ code: 'stopped' }] })
})
