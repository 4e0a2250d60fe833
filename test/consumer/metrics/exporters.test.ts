import { execFileSync, spawnSync } from 'node:child_process'
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import t from 'tap'
import { exportToOpenTelemetry, PROMETHEUS_CONTENT_TYPE, prometheusText } from '../../../services/consumer/index.ts'
import { Counters } from '../../../services/consumer/metrics/counters.ts'
import { metricsOf, type ShardStatus } from '../../../services/consumer/metrics/metrics.ts'
import { shardStatus } from '../../worker/consumer-double.ts'

function metrics(shards: ShardStatus[], { applicationName = 'orders', streamName = 'a-stream' } = {}) {
  const counters = new Counters()
  counters.recordsFetched = 12
  counters.bytesFetched = 3_000
  counters.faults = 2
  return metricsOf({
    origin: { workerId: 'w', applicationName, streamName },
    ...{ counters, shards, bufferedBytes: 7, maxBufferedBytes: 4_096, yielded: 0, breaker: 'open', scanAgeMs: 250 },
    ...{ paused: undefined, unread: 4 },
  })
}

const SHARDS = [
  shardStatus({ shardId: 'shardId-1', pending: 3, millisBehindLatest: 1_500, timeToDrainMs: Number.POSITIVE_INFINITY }),
  shardStatus({ shardId: 'shardId-2', millisBehindLatest: undefined, timeToDrainMs: 20 }),
]

/** Returns the samples of a text, by metric and labels. */
function samplesOf(text: string): Map<string, string> {
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return new Map(lines.map(line => [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' ') + 1)]))
}

t.test('the text for Prometheus has every metric in base units, with the labels of its consumer', async t => {
  const samples = samplesOf(prometheusText(metrics(SHARDS)))
  const of = (name: string, more = '') =>
    samples.get(`headgate_consumer_${name}{application="orders",stream="a-stream"${more}}`)
  t.equal(of('records_fetched_total'), '12')
  t.equal(of('fetched_data_bytes_total'), '3000')
  t.equal(of('faults_total'), '2')
  t.equal(of('leases_unread'), '4')
  t.equal(of('paused'), '0')
  t.equal(of('records_pending'), '3')
  t.equal(of('buffered_data_bytes'), '7')
  t.equal(of('buffered_data_limit_bytes'), '4096')
  t.equal(of('worker_info', ',worker="w"'), '1')
  t.equal(of('breaker_open'), '1')
  t.equal(of('scan_age_seconds'), '0.25')
  t.equal(of('time_to_drain_seconds'), '+Inf')
  t.equal(of('shard_behind_seconds', ',shard="shardId-1"'), '1.5')
  t.equal(of('shard_time_to_drain_seconds', ',shard="shardId-2"'), '0.02')
  t.equal(of('shard_behind_seconds', ',shard="shardId-2"'), undefined, 'an unknown value is left out')
  t.match(PROMETHEUS_CONTENT_TYPE, /version=0\.0\.4/)
})

t.test('a metric without a sample has no lines, and a label is escaped', async t => {
  const text = prometheusText(metrics([], { applicationName: 'a"b\\c\nd' }))
  t.notMatch(text, 'headgate_consumer_shard_')
  t.match(text, '{application="a\\"b\\\\c\\nd",stream="a-stream"} 12')
})

t.test('the samples of several consumers are grouped by metric', async t => {
  const text = prometheusText([metrics(SHARDS), metrics(SHARDS, { streamName: 'another' })])
  const names = text
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => line.slice(0, line.indexOf('{')))
  const runs = names.filter((name, index) => name !== names[index - 1])
  t.equal(runs.length, new Set(names).size, 'the samples of each metric follow each other')
  t.equal(text.match(/^# TYPE headgate_consumer_records_fetched_total counter$/gm)?.length, 1)
  t.equal(samplesOf(text).get('headgate_consumer_records_fetched_total{application="orders",stream="another"}'), '12')
})

const hasPromtool = spawnSync('promtool', ['--version']).status === 0

t.test(
  'promtool of Prometheus has nothing to say about the names, help texts and types',
  { skip: !hasPromtool && 'promtool is not installed' },
  async t => {
    const input = prometheusText([metrics(SHARDS), metrics(SHARDS, { streamName: 'another' })])
    t.equal(execFileSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' }), '')
  },
)

/** Collects when the test asks. */
class TestReader extends MetricReader {
  protected override onForceFlush = () => Promise.resolve()
  protected override onShutdown = () => Promise.resolve()
}

t.test('the SDK of OpenTelemetry accepts the export, and ends it', async t => {
  const reader = new TestReader()
  const provider = new MeterProvider({ readers: [reader] })
  t.teardown(() => provider.shutdown())
  let observed = 0
  const first = () => {
    observed++
    return metrics(SHARDS)
  }
  const consumers = [{ metrics: first }, { metrics: () => metrics([], { streamName: 'another' }) }]
  const end = exportToOpenTelemetry(provider.getMeter('test'), consumers)

  const collect = async () => {
    const { resourceMetrics, errors } = await reader.collect()
    t.same(errors, [])
    const found = resourceMetrics.scopeMetrics.flatMap(scope => scope.metrics)
    return new Map(found.map(one => [one.descriptor.name, one]))
  }
  const found = await collect()
  const attributes = { 'headgate.application': 'orders', 'aws.kinesis.stream_name': 'a-stream' }
  t.match(found.get('headgate.consumer.records_fetched'), {
    descriptor: { unit: '{record}' },
    isMonotonic: true,
    dataPoints: [
      { value: 12, attributes },
      { value: 12, attributes: { ...attributes, 'aws.kinesis.stream_name': 'another' } },
    ],
  })
  t.match(found.get('headgate.consumer.fetched_data'), { descriptor: { unit: 'By' } })
  t.match(found.get('headgate.consumer.buffered_data_limit')?.dataPoints[0], { value: 4_096, attributes })
  t.match(found.get('headgate.consumer.worker_info')?.dataPoints[0], {
    value: 1,
    attributes: { ...attributes, 'headgate.worker': 'w' },
  })
  t.match(found.get('headgate.consumer.shard.behind'), {
    descriptor: { unit: 's' },
    dataPoints: [{ value: 1.5, attributes: { ...attributes, 'headgate.shard': 'shardId-1' } }],
  })
  t.equal(found.get('headgate.consumer.shard.behind')?.dataPoints.length, 1, 'an unknown value is left out')
  t.match(found.get('headgate.consumer.shard.time_to_drain')?.dataPoints[0], { value: 86_400 })

  end()
  await collect()
  t.equal(observed, 1)
})
