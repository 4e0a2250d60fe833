import type { Duration } from 'aws-cdk-lib'
import type { MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch'

/** A condition that a person has to look at. */
export interface AlarmDefinition {
  /** Also the name of its section in docs/how-to/runbook.md. */
  id: string
  /** Distinguishes several alarms of one section, such as the name of a function. */
  of?: string
  /** What the alarm means, in a sentence. */
  description: string
  /**
   * A single metric, not a sum of metrics that AWS emits only occasionally: a sum has no value while one of its metrics has none,
   * and the alarm would go off only if all of them had values at once.
   */
  metric: Metric | MathExpression
  /** The alarm goes off if the metric is above the threshold. Left out: if the metric is 0. */
  threshold?: number
  /** @default a minute */
  period?: Duration
  /** Number of consecutive periods. */
  periods: number
  /** True if the metric is emitted all the time, so that missing data means that its source does not run. */
  isSteady?: boolean
}

export interface WidgetDefinition {
  title: string
  left: (Metric | MathExpression)[]
  right?: (Metric | MathExpression)[]
}

/** The alarms and dashboard widgets of a part of the deployment. */
export interface AlarmSource {
  alarms: AlarmDefinition[]
  widgets: WidgetDefinition[]
}
