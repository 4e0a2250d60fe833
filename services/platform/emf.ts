import type { Logger } from './log.ts'
import { type MetricName, type MetricValues, metrics } from './metrics.ts'

/** Tells CloudWatch how something is now. Does nothing where no namespace is configured. */
export type TellMetrics = (values: MetricValues) => void

export interface TellMetricsSettings {
  /** Of CloudWatch. Undefined: nothing is told. */
  namespace: string | undefined
  /** Every line of it must have a `role`, which is the metrics' dimension. */
  log: Logger
  now?: () => number
}

/**
 * Metrics as lines of the log in CloudWatch's embedded metric format, which CloudWatch makes metrics of wherever it gets the log:
 * from Lambda and from Fargate alike, without a request of ours or a permission for it.
 *
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function createTellMetrics({ namespace, log, now = Date.now }: TellMetricsSettings): TellMetrics {
  if (namespace === undefined) return () => undefined
  // Whatever is logged besides: an alarm does not depend on how much.
  const always = log.child({}, { level: 'info' })
  return values => {
    const told = Object.entries(values).filter(([, value]) => Number.isFinite(value))
    if (told.length === 0) return
    const Metrics = told.map(([name]) => ({ Name: name, Unit: unitOf(name as MetricName) }))
    const CloudWatchMetrics = [{ Namespace: namespace, Dimensions: [['role']], Metrics }]
    always.info({ _aws: { Timestamp: now(), CloudWatchMetrics }, ...Object.fromEntries(told) }, 'metrics')
  }
}

function unitOf(name: MetricName): string {
  return metrics[name].unit
}
