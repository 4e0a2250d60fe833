import { Stack } from 'aws-cdk-lib'
import { CfnBudget } from 'aws-cdk-lib/aws-budgets'
import { CfnAnomalyMonitor, CfnAnomalySubscription } from 'aws-cdk-lib/aws-ce'
import type { Construct } from 'constructs'
import type { Settings } from '../settings/schema.ts'

/**
 * Creates a budget and a cost anomaly monitor, if the settings ask for them. Both are for the whole account, and served from
 * us-east-1.
 */
export function watchCosts(scope: Construct, settings: Settings): void {
  const { alarmEmail, monthlyBudgetUsd, costAnomalyUsd, costMonitorArn } = settings
  const name = Stack.of(scope).stackName
  if (alarmEmail === undefined) return
  if (monthlyBudgetUsd > 0) {
    new CfnBudget(scope, 'Budget', {
      budget: {
        budgetName: name,
        budgetType: 'COST',
        timeUnit: 'MONTHLY',
        budgetLimit: { amount: monthlyBudgetUsd, unit: 'USD' },
      },
      notificationsWithSubscribers: [80, 100].map(threshold => ({
        notification: { notificationType: 'ACTUAL', comparisonOperator: 'GREATER_THAN', threshold },
        subscribers: [{ subscriptionType: 'EMAIL', address: alarmEmail }],
      })),
    })
  }
  if (costAnomalyUsd > 0) {
    // An account can have only one monitor of all services. AWS creates it when Cost Explorer is turned on.
    const monitor =
      costMonitorArn ??
      new CfnAnomalyMonitor(scope, 'CostMonitor', {
        monitorName: name,
        monitorType: 'DIMENSIONAL',
        monitorDimension: 'SERVICE',
      }).attrMonitorArn
    new CfnAnomalySubscription(scope, 'CostAnomalies', {
      subscriptionName: name,
      frequency: 'DAILY',
      monitorArnList: [monitor],
      subscribers: [{ type: 'EMAIL', address: alarmEmail }],
      thresholdExpression: JSON.stringify({
        Dimensions: {
          Key: 'ANOMALY_TOTAL_IMPACT_ABSOLUTE',
          MatchOptions: ['GREATER_THAN_OR_EQUAL'],
          Values: [String(costAnomalyUsd)],
        },
      }),
    })
  }
}
