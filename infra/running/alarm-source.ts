import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch'

/** When somebody has to look. */
export interface AlarmDefinition {
  /** Of its section in docs/runbook.md too. */
  id: string
  /** What it means, in a sentence. */
  description: string
  metric: IMetric
  /** It goes off where the metric is above this. */
  threshold: number
  /** For so many minutes in a row. */
  minutes: number
}

export interface WidgetDefinition {
  title: string
  left: IMetric[]
  right?: IMetric[]
}

/** A part of the deployment, and how it is told that it does not do well. */
export interface AlarmSource {
  alarms: AlarmDefinition[]
  widgets: WidgetDefinition[]
}
