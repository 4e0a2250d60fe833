import t from 'tap'
import { createMetrics } from '../../services/api/admin/metrics.ts'
import type { HistoryPoint } from '../../services/console/snapshot.ts'
import { drainOf } from '../../services/console/watch/chart-points.ts'
import { bucketsOf, quantile } from '../../services/console/watch/histogram.ts'
import { MetricsPages } from '../../services/console/watch/metrics-pages.ts'
import { parseMetrics } from '../../services/console/watch/prometheus-text.ts'
import { prometheusText } from '../../services/consumer/index.ts'
import { openOperatorPort } from '../../services/platform/operator-port.ts'
import { createWorkerMetrics } from '../../services/worker/metrics/worker-metrics.ts'
import { consumerDouble, shardStatus } from '../worker/consumer-double.ts'
import { streamRecord } from '../worker/pipeline.ts'

const { signal } = new AbortController()

t.test('the text format of Prometheus is parsed, and what is not understood is skipped', async t => {
  const samples = parseMetrics(
    [
      '# HELP a_total Text with {braces} and "quotes"',
      '# TYPE a_total counter',
      '# TYPE never_used counter',
      'a_total{way="raw",note="a \\"b\\" \\\\ c"} 3 1700000000000',
      'a_total{way="tus"} 4.5e1',
      'plain 1',
      'most +Inf',
      '{ "not": "a metric" }',
      '',
    ].join('\n'),
  )
  t.strictSame(samples.get('a_total'), [
    { labels: { way: 'raw', note: 'a "b" \\ c' }, value: 3 },
    { labels: { way: 'tus' }, value: 45 },
  ])
  t.strictSame(samples.get('never_used'), [], 'a counter without a sample is known to be 0')
  t.equal(samples.get('plain')?.[0]?.value, 1)
  t.equal(samples.get('most')?.[0]?.value, Number.POSITIVE_INFINITY)
  t.strictSame([...samples.keys()], ['a_total', 'never_used', 'plain', 'most'])
})

t.test('a quantile is estimated inside of its bucket', async t => {
  const buckets = bucketsOf([
    { labels: { le: '0.1' }, value: 0 },
    { labels: { le: '0.2' }, value: 10 },
    { labels: { le: '+Inf' }, value: 20 },
  ])
  t.equal(quantile([buckets], 0.25)?.toFixed(3), '0.150')
  t.equal(quantile([buckets, buckets], 0.25)?.toFixed(3), '0.150', 'two workers count together')
  t.equal(quantile([buckets], 0.99), 0.2, 'nothing is known above the last bound')
  t.equal(quantile([], 0.5), null)
  t.equal(quantile([bucketsOf([{ labels: { le: '+Inf' }, value: 0 }])], 0.5), null)
})

t.test('the pages of an api and of a worker become rates, quantiles and states', async t => {
  const api = createMetrics()
  t.teardown(() => api.close())
  const worker = createWorkerMetrics()
  const consumer = consumerDouble()
  const workerPages = worker.pages({ consumer, stuck: { stalledMs: () => 0 }, relay: { oldestMs: () => 90_000 } })
  const log = { error: (...details: unknown[]) => t.fail('a page failed', { details }) }
  const port = async (pages: Parameters<typeof openOperatorPort>[0]['pages']) => {
    const opened = await openOperatorPort({ host: '127.0.0.1', port: 0, pages, log })
    t.teardown(() => opened.close())
    return `${opened.url}/metrics`
  }
  const apiUrl = await port({
    '/metrics': async () => ({ status: 200, contentType: api.contentType, body: await api.text() }),
  })
  const workerUrl = await port(workerPages)
  let now = 1_000_000
  const silent = 'http://127.0.0.1:9/metrics'
  const pages = new MetricsPages({ urls: [apiUrl, workerUrl, silent], wallClock: () => now })

  await pages.read(signal)
  t.match(pages.view(), {
    acceptedPerSecond: null,
    latencyP50Ms: null,
    pages: 2,
    silentPages: [silent],
    outboxAgeMs: 90_000,
    openBreakers: 0,
    isEventOutage: false,
    timeToDrainMs: null,
  })

  const uploads = (count: number) => Array.from({ length: count }, () => ({ size: 1, status: 'queued' as const }))
  api.accepted('raw', uploads(6))
  api.accepted('tus', uploads(4))
  const processor = worker.work.processor({ process: async () => undefined })
  for (let index = 0; index < 8; index++) await processor.process(streamRecord('x'), { signal })
  const letters = worker.work.deadLetters({ write: async () => 'key', remove: async () => undefined })
  await letters.write(streamRecord('x'), { code: 'HEADGATE_OBJECT_MISSING', reason: '' })
  for (let index = 0; index < 8; index++) {
    worker.work.uploadEnded({ uploadedAt: new Date(Date.now() - 300).toISOString() })
  }
  consumer.shards = [shardStatus({ timeToDrainMs: 4_000 })]
  consumer.breaker = 'open'
  api.eventOutage(true)
  now += 5_000
  await pages.read(signal)
  const view = pages.view()
  t.match(view, { acceptedPerSecond: 2, processedPerSecond: 1.4, failedPerSecond: 0.2, timeToDrainMs: 4_000 })
  t.match(view, { openBreakers: 1, isEventOutage: true, isFallingBehind: false })
  t.ok((view.latencyP50Ms ?? 0) > 250 && (view.latencyP99Ms ?? 0) <= 500, 'both lie in the bucket of 300 ms')

  now += 5_000
  consumer.shards = [shardStatus({ timeToDrainMs: Number.POSITIVE_INFINITY })]
  await pages.read(signal)
  t.match(pages.view(), { acceptedPerSecond: 0, processedPerSecond: 0, timeToDrainMs: null, isFallingBehind: true })
  t.ok(pages.view().latencyP50Ms, 'the quantiles are those of the last minute')

  now += 61_000
  await pages.read(signal)
  t.equal(pages.view().latencyP50Ms, null)

  pages.restart()
  await pages.read(signal)
  t.equal(pages.view().acceptedPerSecond, null, 'what was counted while nobody looked is no rate')
})

t.test('a process that has started again counts from 0', async t => {
  let text = 'headgate_uploads_total{way="raw",result="queued"} 100'
  const page = () => ({ status: 200, contentType: 'text/plain', body: text })
  const log = { error: () => t.fail('a page failed') }
  const opened = await openOperatorPort({ host: '127.0.0.1', port: 0, pages: { '/metrics': page }, log })
  t.teardown(() => opened.close())
  let now = 0
  const pages = new MetricsPages({
    urls: [`${opened.url}/metrics`.replace('127.0.0.1', 'localhost')],
    wallClock: () => now,
  })
  await pages.read(signal)
  text = 'headgate_uploads_total{way="raw",result="queued"} 5'
  now = 1_000
  await pages.read(signal)
  t.equal(pages.view().acceptedPerSecond, 5)
})

t.test('the time to drain is that of the workers, or else estimated from how the lag shrinks', async t => {
  const point = (at: number, maxLagMs: number | null) => ({ at, maxLagMs }) as HistoryPoint
  const estimate = (points: HistoryPoint[]) => drainOf(points, null, 60_000)
  t.match(estimate([]), { ms: null, isFallingBehind: false })
  t.match(estimate([point(55_000, 3_000)]), { ms: 0 }, 'a checkpoint is always some seconds old')
  t.match(estimate([point(55_000, 90_000)]), { ms: null, isFallingBehind: false }, 'one point shows no trend')
  t.match(estimate([point(10_000, 100_000), point(60_000, 50_000)]), { ms: 50_000, isEstimated: true })
  t.match(estimate([point(10_000, 50_000), point(60_000, 60_000)]), { ms: null, isFallingBehind: true })
  t.match(estimate([point(-1_000, 500_000), point(60_000, 60_000)]), { ms: null, isFallingBehind: false }, 'too old')
  const known = { timeToDrainMs: 7_000, isFallingBehind: false }
  t.strictSame(drainOf([], known, 0), { ms: 7_000, isFallingBehind: false, isEstimated: false })
})

t.test('the destinations of notifications are those of all workers together', async t => {
  const log = { error: (...details: unknown[]) => t.fail('a page failed', { details }) }
  const urlOf = async (body: string) => {
    const page = async () => ({ status: 200, contentType: 'text/plain', body })
    const opened = await openOperatorPort({ host: '127.0.0.1', port: 0, pages: { '/metrics': page }, log })
    t.teardown(() => opened.close())
    return `${opened.url}/metrics`
  }
  const ofCrm = (heldBack: number, sent: number) =>
    `headgate_notifications_held_back{destination="crm"} ${heldBack}\nheadgate_notifications_sent_total{destination="crm"} ${sent}\n`
  const urls = [
    await urlOf(`${ofCrm(1, 3)}headgate_notifications_failed_total{destination="crm"} 7\n`),
    await urlOf(`${ofCrm(0, 4)}headgate_notifications_held_back{destination="bus"} 0\n`),
  ]
  const pages = new MetricsPages({ urls, wallClock: Date.now })
  t.strictSame(pages.destinations(), [])
  await pages.read(signal)
  t.strictSame(pages.destinations(), [
    { name: 'bus', workers: 1, heldBackBy: 0, sent: 0, failed: 0, givenUp: 0 },
    { name: 'crm', workers: 2, heldBackBy: 1, sent: 7, failed: 7, givenUp: 0 },
  ])
})

t.test('the memory of a worker is known if a page names the worker and its maximum', async t => {
  const log = { error: (...details: unknown[]) => t.fail('a page failed', { details }) }
  const pageOf = async (body: string) => {
    const page = async () => ({ status: 200, contentType: 'text/plain', body })
    const opened = await openOperatorPort({ host: '127.0.0.1', port: 0, pages: { '/metrics': page }, log })
    t.teardown(() => opened.close())
    return `${opened.url}/metrics`
  }
  const stuck = { stalledMs: () => 0 }
  const ofWorker = await createWorkerMetrics()
    .pages({ consumer: consumerDouble(), stuck, relay: { oldestMs: () => 0 } })
    ['/metrics']?.()
  const consumer = (workerId: string, { applicationName = 'app', streamName = 'stream', maxBuffered = 100 } = {}) => ({
    ...consumerDouble().metrics(),
    ...{ workerId, applicationName, streamName },
    bytes: { fetched: 0, handled: 0, buffered: 40, maxBuffered },
  })
  const urls = [
    await pageOf(ofWorker?.body ?? ''),
    await pageOf(
      prometheusText([
        consumer('w "1"'),
        consumer('w2', { streamName: 'another', maxBuffered: 200 }),
        consumer('w3', { applicationName: 'another' }),
      ]),
    ),
    await pageOf(prometheusText([consumer('same-1'), consumer('same-2')])),
    await pageOf('headgate_worker_info{worker="older"} 1\nheadgate_record_bytes_buffered 5\n'),
    'http://127.0.0.1:9/metrics',
  ]
  const pages = new MetricsPages({ urls, wallClock: Date.now })
  await pages.read(signal)
  t.strictSame(
    [...pages.memory('app')],
    [
      ['w', { usedBytes: 7, maxBytes: 4_096 }],
      ['w "1"', { usedBytes: 40, maxBytes: 100 }],
      ['w2', { usedBytes: 40, maxBytes: 200 }],
    ],
  )
})
