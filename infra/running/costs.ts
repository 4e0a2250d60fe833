import { Stack } from 'aws-cdk-lib'
import { CfnBudget } from 'aws-cdk-lib/aws-budgets'
import { CfnAnomalyMonitor, CfnAnomalySubscription } from 'aws-cdk-lib/aws-ce'
import type { Construct } from 'constructs'
import type { Settings } from '../settings/schema.ts'

/** A budget, and a look for costs that are out of line. Both are of the whole account, and in us-east-1's hands. */
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
    // An account has one of all services and no second. AWS makes it where Cost Explorer is turned on.
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
