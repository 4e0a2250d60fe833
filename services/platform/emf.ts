import type { Logger } from './log.ts'
import { type MetricName, type MetricValues, metrics } from './metrics.ts'

export interface MetricsOrigin {
  /** Of CloudWatch. */
  namespace: string
  /** The one dimension. */
  application: string
}

/** Tells CloudWatch how something is now. Does nothing where no namespace is configured. */
export type TellMetrics = (values: MetricValues) => void

export interface TellMetricsSettings extends Omit<MetricsOrigin, 'namespace'> {
  /** Undefined: nothing is told. */
  namespace: string | undefined
  log: Logger
  now?: () => number
}

/**
 * Metrics as lines of the log in CloudWatch's embedded metric format, which CloudWatch makes metrics of wherever it gets the log:
 * from Lambda and from Fargate alike, without a request of ours or a permission for it.
 */
export function createTellMetrics({ namespace, application, log, now = Date.now }: TellMetricsSettings): TellMetrics {
  if (namespace === undefined) return () => undefined
  // It is no remark that a level may leave out: an alarm does not depend on how much is logged.
  const always = log.child({}, { level: 'info' })
  return values => {
    const line = embeddedMetrics({ namespace, application }, values, now())
    if (line) always.info(line, 'metrics')
  }
}

/**
 * The fields of such a line; undefined where no value is known. CloudWatch takes no infinity.
 *
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function embeddedMetrics(
  { namespace, application }: MetricsOrigin,
  values: MetricValues,
  timestamp: number,
): Record<string, unknown> | undefined {
  const known = Object.entries(values).filter(([, value]) => Number.isFinite(value))
  if (known.length === 0) return undefined
  const Metrics = known.map(([name]) => ({ Name: name, Unit: metrics[name as MetricName].unit }))
  return {
    _aws: {
      Timestamp: timestamp,
      CloudWatchMetrics: [{ Namespace: namespace, Dimensions: [['Application']], Metrics }],
    },
    Application: application,
    ...Object.fromEntries(known),
  }
}
