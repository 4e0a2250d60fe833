import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch'
import type { Construct } from 'constructs'
import type { Data } from '../data/data-stack.ts'
import type { Settings } from '../settings/schema.ts'
import { createAlarms } from './alarms.ts'
import { watchCosts } from './costs.ts'
import { createDashboard } from './dashboard.ts'
import { dataAlarms } from './data-alarms.ts'

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

/** What watches the deployment: alarms, a dashboard, and, where asked for, its costs. */
export function createRunning(
  scope: Construct,
  { settings, data, sources }: { settings: Settings; data: Data; sources: readonly AlarmSource[] },
): void {
  const all = [...sources, dataAlarms(data)]
  createAlarms(
    scope,
    all.flatMap(({ alarms }) => alarms),
    settings,
  )
  createDashboard(
    scope,
    all.flatMap(({ widgets }) => widgets),
    settings,
  )
  watchCosts(scope, settings)
}
