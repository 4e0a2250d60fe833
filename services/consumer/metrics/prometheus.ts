import { type MetricEntry, SHARD_METRICS, WORKER_INFO, WORKER_METRICS } from './catalogue.ts'
import type { ConsumerMetrics } from './metrics.ts'

/** The `content-type` of `prometheusText`. */
export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

const PREFIX = 'headgate_consumer_'

/**
 * Renders metrics in the text format of Prometheus. The names begin with `headgate_consumer_`. Each sample has the labels
 * `application` and `stream`, and those of a shard also `shard`. An unknown value has no sample. The metric
 * `headgate_consumer_worker_info` has the value 1, and its label `worker` is the `workerId` of the consumer.
 *
 * @param metrics the metrics of one consumer, or of all consumers of the process
 */
export function prometheusText(metrics: ConsumerMetrics | readonly ConsumerMetrics[]): string {
  const all = 'length' in metrics ? metrics : [metrics]
  const ids = all.map(one => ({ source: one, labels: `${labelsOf(one)},${label('worker', one.workerId)}` }))
  const lines = family(WORKER_INFO, ids)
  for (const entry of WORKER_METRICS) {
    lines.push(
      ...family(
        entry,
        all.map(one => ({ source: one, labels: labelsOf(one) })),
      ),
    )
  }
  const shards = all.flatMap(one => one.shards.map(shard => ({ source: shard, labels: labelsOf(one, shard.shardId) })))
  for (const entry of SHARD_METRICS) lines.push(...family(entry, shards))
  return `${lines.join('\n')}\n`
}

interface Sample<Source> {
  readonly source: Source
  readonly labels: string
}

/** Returns the lines of one metric. All samples of a metric must follow each other. */
function family<Source>(entry: MetricEntry<Source>, samples: ReadonlyArray<Sample<Source>>): string[] {
  const { kind, unit, help } = entry
  const suffixes = [
    unit === 'byte' ? '_bytes' : unit === 'second' ? '_seconds' : '',
    kind === 'counter' ? '_total' : '',
  ]
  const name = `${PREFIX}${entry.name}${suffixes.join('')}`
  const lines = samples.flatMap(({ source, labels }) => {
    const value = entry.value(source)
    return value === undefined ? [] : [`${name}{${labels}} ${numberOf(value)}`]
  })
  return lines.length === 0 ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`, ...lines]
}

function labelsOf({ applicationName, streamName }: ConsumerMetrics, shardId?: string): string {
  const labels = { application: applicationName, stream: streamName, ...(shardId !== undefined && { shard: shardId }) }
  return Object.entries(labels)
    .map(([name, value]) => label(name, value))
    .join(',')
}

function label(name: string, value: string): string {
  return `${name}="${value.replace(/[\\"\n]/g, escaped)}"`
}

const escaped = (character: string) => (character === '\n' ? '\\n' : `\\${character}`)

function numberOf(value: number): string {
  if (Number.isFinite(value)) return String(value)
  return value > 0 ? '+Inf' : value < 0 ? '-Inf' : 'NaN'
}
