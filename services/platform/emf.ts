import type { Logger } from './log.ts'
import { type MetricName, type MetricValues, metrics } from './metrics.ts'

export interface MetricsOrigin {
  /** The CloudWatch namespace. */
  namespace: string
  /** The value of the dimension `Application`, which all metrics have. */
  application: string
}

/** A further dimension. CloudWatch then has each metric twice: by application and dimension, and by application alone. */
export type FurtherDimension = { readonly Destination: string }

/** Emits the current values of metrics. Values that are undefined or not finite are omitted. */
export type EmitMetrics = (values: MetricValues, dimension?: FurtherDimension) => void

export interface MetricsEmitterSettings extends Omit<MetricsOrigin, 'namespace'> {
  /** Undefined: no metrics are emitted. */
  namespace: string | undefined
  log: Logger
  now?: () => number
}

/**
 * Creates a function that logs metrics in CloudWatch's embedded metric format. CloudWatch extracts the metrics from the log, on Lambda
 * and on Fargate, without a request or a permission of the process.
 */
export function createMetricsEmitter({
  namespace,
  application,
  log,
  now = Date.now,
}: MetricsEmitterSettings): EmitMetrics {
  if (namespace === undefined) return () => undefined
  // Metrics are logged at any LOG_LEVEL, because alarms depend on them.
  const metricsLog = log.child({}, { level: 'info' })
  return (values, dimension) => {
    const line = embeddedMetrics({ namespace, application }, values, now(), dimension)
    if (line) metricsLog.info(line, 'metrics')
  }
}

/**
 * Returns the fields of the log line, or undefined if no value is known. CloudWatch rejects values that are not finite.
 *
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function embeddedMetrics(
  { namespace, application }: MetricsOrigin,
  values: MetricValues,
  timestamp: number,
  dimension?: FurtherDimension,
): Record<string, unknown> | undefined {
  const known = Object.entries(values).filter(([, value]) => Number.isFinite(value))
  if (known.length === 0) return undefined
  const Metrics = known.map(([name]) => ({ Name: name, Unit: metrics[name as MetricName].unit }))
  return {
    _aws: {
      Timestamp: timestamp,
      CloudWatchMetrics: [
        {
          Namespace: namespace,
          Dimensions: [['Application'], ...(dimension ? [['Application', ...Object.keys(dimension)]] : [])],
          Metrics,
        },
      ],
    },
    Application: application,
    ...dimension,
    ...Object.fromEntries(known),
  }
}
