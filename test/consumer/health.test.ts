import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
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
      ...{ maxBufferedBytes: 1, paused: undefined, unread: 0 },
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

t.test('an unknown option is rejected with a suggestion', async t => {
  const mistyped = { stuckAfter: 1_000 } as HealthOptions
  t.throws(() => health({}, mistyped), { code: 'CONSUMER_OPTION', message: /Did you mean 'stuckAfterMs'\?/ })
})

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

t.test('the server that the guide prints answers with health and metrics', async t => {
  const guide = await readFile(new URL('../../services/consumer/docs/processing.md', import.meta.url), 'utf8')
  const printed = [...guide.matchAll(/```ts\n(.*?)```/gs)].find(([, code]) => code?.includes('createServer'))?.[1] ?? ''
  const [imports = '', program = ''] = printed.split('\n\n', 2)
  t.match(program, 'server.listen(8080)')
  const source = path.resolve(import.meta.dirname, '../../services/consumer/index.ts')
  const module = `${imports.replace('@headgate/consumer', source)}\nexport function serve(consumer) {\n${program.replace('8080', "0, '127.0.0.1'")}\nreturn server\n}\n`
  const dir = t.testdir({ 'server.ts': module })
  const { serve } = (await import(path.join(dir, 'server.ts'))) as { serve: (consumer: KinesisConsumer) => Server }
  const { consumer: create } = await startStream(t, { shards: 1 })
  const consumer = create({ handler: () => undefined })
  const server = serve(consumer)
  t.teardown(() => server.close())
  await once(server, 'listening')
  const get = async (url: string) => {
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${url}`)
    return { status: response.status, text: await response.text() }
  }
  t.equal((await get('/readyz')).status, 503)
  t.equal((await get('/livez')).status, 200)
  await consumer.start()
  t.match(await get('/readyz'), { status: 200, text: '"state":"running"' })
  t.match(await get('/metrics'), { status: 200, text: /^headgate_consumer_/m })
  await consumer.stop()
  t.match(await get('/livez'), { status: 503, text: '"stopped"' })
})
