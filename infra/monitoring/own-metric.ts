import { Duration } from 'aws-cdk-lib'
import { Metric } from 'aws-cdk-lib/aws-cloudwatch'
import type { MetricName } from '../../services/platform/metrics.ts'
import { resourceNames, type Settings } from '../settings/schema.ts'

/** Returns a metric that the processes of this deployment emit in their logs. */
export function ownMetric(settings: Settings, metricName: MetricName, statistic: 'Maximum' | 'Sum'): Metric {
  const { metrics: namespace, application: Application } = resourceNames(settings)
  return new Metric({
    namespace,
    metricName,
    dimensionsMap: { Application },
    statistic,
    period: Duration.minutes(1),
  })
}
