import { Duration, Stack } from 'aws-cdk-lib'
import { Alarm, ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import type { Construct } from 'constructs'
import type { Settings } from '../settings/schema.ts'
import type { AlarmDefinition } from './alarm-source.ts'

/** Alarms, and the topic that says so when one goes off and when it is over. */
export function createAlarms(scope: Construct, definitions: readonly AlarmDefinition[], settings: Settings): void {
  const topic = new Topic(scope, 'Alarms', { enforceSSL: true })
  topic.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
    }),
  )
  if (settings.alarmEmail !== undefined) topic.addSubscription(new EmailSubscription(settings.alarmEmail))
  const action = new SnsAction(topic)
  for (const definition of definitions) {
    const { id, of = '', description, metric, threshold, period = Duration.minutes(1), periods, isSteady } = definition
    const alarm = new Alarm(scope, `${id}${of}Alarm`, {
      // Of the stack: while one compute takes over from the other there are both.
      alarmName: `${Stack.of(scope).stackName}-${[id, of].filter(Boolean).join('-')}`,
      alarmDescription: `${description} See docs/runbook.md#${id.toLowerCase()}`,
      metric: metric.with({ period }),
      threshold: threshold ?? 0,
      evaluationPeriods: periods,
      comparisonOperator:
        threshold === undefined
          ? ComparisonOperator.LESS_THAN_OR_EQUAL_TO_THRESHOLD
          : ComparisonOperator.GREATER_THAN_THRESHOLD,
      // Where nothing happens, most metrics are not told at all.
      treatMissingData: isSteady ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    })
    alarm.addAlarmAction(action)
    alarm.addOkAction(action)
  }
}
