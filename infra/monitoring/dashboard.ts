import { Stack } from 'aws-cdk-lib'
import { Dashboard, GraphWidget } from 'aws-cdk-lib/aws-cloudwatch'
import type { Construct } from 'constructs'
import type { WidgetDefinition } from './alarm-source.ts'

/** Creates a dashboard with the metrics that the alarms watch, and related ones. */
export function createDashboard(scope: Construct, widgets: readonly WidgetDefinition[]): void {
  const dashboard = new Dashboard(scope, 'Dashboard', { dashboardName: Stack.of(scope).stackName })
  const graphs = widgets.map(({ title, left, right = [] }) => new GraphWidget({ title, left, right, width: 8 }))
  for (let start = 0; start < graphs.length; start += 3) dashboard.addWidgets(...graphs.slice(start, start + 3))
}
