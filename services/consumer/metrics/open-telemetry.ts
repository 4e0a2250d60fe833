import { type MetricEntry, SHARD_METRICS, type Unit, WORKER_INFO, WORKER_METRICS } from './catalogue.ts'
import type { ConsumerMetrics } from './metrics.ts'

/** The part of a `Meter` of `@opentelemetry/api` that is used. Instruments are opaque. */
export interface MetricsMeter {
  /** Creates an instrument for a number that only grows. */
  createObservableCounter(name: string, options?: { description?: string; unit?: string }): object
  /** Creates an instrument for a current value. */
  createObservableGauge(name: string, options?: { description?: string; unit?: string }): object
  /** Registers a callback that observes several instruments. */
  addBatchObservableCallback(callback: (result: MetricsObserver) => void, observables: object[]): void
  /** Removes the callback. */
  removeBatchObservableCallback(callback: (result: MetricsObserver) => void, observables: object[]): void
}

/** Receives the values of the instruments. */
export interface MetricsObserver {
  /** Records the value of an instrument. */
  observe(instrument: object, value: number, attributes?: Record<string, string>): void
}

const PREFIX = 'headgate.consumer.'

/** The codes of UCUM. Annotations in braces are for people. */
const UNITS: Partial<Record<Unit, string>> = { byte: 'By', second: 's', state: '1' }

/** OTLP in JSON has no infinite numbers. A shard that falls behind is exported as one day. */
const FALLS_BEHIND_SECONDS = 86_400

/**
 * Exports the metrics of a consumer through OpenTelemetry. The names begin with `headgate.consumer.`. Each value has the
 * attributes `headgate.application` and `aws.kinesis.stream_name`, and those of a shard also `headgate.shard`. The metric
 * `headgate.consumer.worker_info` has the value 1, and its attribute `headgate.worker` is the `workerId` of the consumer.
 *
 * @param meter a `Meter` of `@opentelemetry/api`
 * @param consumers the consumer, or all consumers of the process
 * @returns a function that ends the export
 */
export function exportToOpenTelemetry(
  meter: MetricsMeter,
  consumers: { metrics(): ConsumerMetrics } | ReadonlyArray<{ metrics(): ConsumerMetrics }>,
): () => void {
  const all = 'length' in consumers ? consumers : [consumers]
  const ofWorker = WORKER_METRICS.map(entry => ({ entry, instrument: instrumentOf(meter, entry) }))
  const ofShard = SHARD_METRICS.map(entry => ({ entry, instrument: instrumentOf(meter, entry) }))
  const info = instrumentOf(meter, WORKER_INFO)
  const instruments = [info, ...[...ofWorker, ...ofShard].map(({ instrument }) => instrument)]

  function observe(result: MetricsObserver): void {
    for (const consumer of all) {
      const metrics = consumer.metrics()
      const { applicationName, streamName, workerId, shards } = metrics
      const attributes = { 'headgate.application': applicationName, 'aws.kinesis.stream_name': streamName }
      record(result, info, WORKER_INFO.value(metrics), { ...attributes, 'headgate.worker': workerId })
      for (const { entry, instrument } of ofWorker) record(result, instrument, entry.value(metrics), attributes)
      for (const shard of shards) {
        const ofThisShard = { ...attributes, 'headgate.shard': shard.shardId }
        for (const { entry, instrument } of ofShard) record(result, instrument, entry.value(shard), ofThisShard)
      }
    }
  }

  meter.addBatchObservableCallback(observe, instruments)
  return () => meter.removeBatchObservableCallback(observe, instruments)
}

function instrumentOf(meter: MetricsMeter, { name, kind, unit, help }: MetricEntry<never>): object {
  const options = { description: help, unit: UNITS[unit] ?? `{${unit}}` }
  const fullName = `${PREFIX}${name.replace(/^shard_/, 'shard.')}`
  return kind === 'counter'
    ? meter.createObservableCounter(fullName, options)
    : meter.createObservableGauge(fullName, options)
}

function record(
  result: MetricsObserver,
  instrument: object,
  value: number | undefined,
  attributes: Record<string, string>,
): void {
  if (value === undefined) return
  result.observe(instrument, value === Number.POSITIVE_INFINITY ? FALLS_BEHIND_SECONDS : value, attributes)
}
