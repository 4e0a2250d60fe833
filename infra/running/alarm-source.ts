import type { Duration } from 'aws-cdk-lib'
import type { MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch'

/** When somebody has to look. */
export interface AlarmDefinition {
  /** Of its section in docs/runbook.md too. */
  id: string
  /** Which of several that the section is about, where there are several. */
  of?: string
  /** What it means, in a sentence. */
  description: string
  /**
   * One metric, and no sum of several that AWS tells only when there is something to tell: a sum has no value where one of them
   * has none, and its alarm would wait for all at once.
   */
  metric: Metric | MathExpression
  /** It goes off where the metric is above this. Left out: where it is 0. */
  threshold?: number
  /** What a value is of: a minute, where nothing else is said. */
  period?: Duration
  /** For so many periods in a row. */
  periods: number
  /** The metric is told all the time: where it is not, what tells it does not run. */
  isSteady?: boolean
}

export interface WidgetDefinition {
  title: string
  left: (Metric | MathExpression)[]
  right?: (Metric | MathExpression)[]
}

/** A part of the deployment, and how it is told that it does not do well. */
export interface AlarmSource {
  alarms: AlarmDefinition[]
  widgets: WidgetDefinition[]
}
