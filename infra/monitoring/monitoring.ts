import type { Construct } from 'constructs'
import type { Data } from '../data/data-stack.ts'
import type { Settings } from '../settings/schema.ts'
import type { AlarmSource } from './alarm-source.ts'
import { createAlarms } from './alarms.ts'
import { watchCosts } from './costs.ts'
import { createDashboard } from './dashboard.ts'
import { dataAlarms } from './data-alarms.ts'

/** Creates what watches the deployment: alarms, a dashboard and, if the settings ask for them, a budget and a cost monitor. */
export function createMonitoring(
  scope: Construct,
  { settings, data, sources }: { settings: Settings; data: Data; sources: readonly AlarmSource[] },
): void {
  const all = [...sources, dataAlarms(data)]
  createAlarms(scope, { definitions: all.flatMap(({ alarms }) => alarms), settings, data })
  createDashboard(
    scope,
    all.flatMap(({ widgets }) => widgets),
  )
  watchCosts(scope, settings)
}
