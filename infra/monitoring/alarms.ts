import { Duration, Stack } from 'aws-cdk-lib'
import { Alarm, ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Key } from 'aws-cdk-lib/aws-kms'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import type { Construct } from 'constructs'
import { acknowledge } from '../acknowledge.ts'
import type { Data } from '../data/data-stack.ts'
import type { Settings } from '../settings/schema.ts'
import type { AlarmDefinition } from './alarm-source.ts'

/** Creates the alarms, and the topic that is notified when an alarm goes off and when it is resolved. */
export function createAlarms(
  scope: Construct,
  { definitions, settings, data }: { definitions: readonly AlarmDefinition[]; settings: Settings; data: Data },
): void {
  const { keyArn } = data
  const topic = new Topic(scope, 'Alarms', {
    enforceSSL: true,
    ...(keyArn !== undefined && { masterKey: Key.fromKeyArn(scope, 'AlarmsKey', keyArn) }),
  })
  if (keyArn === undefined) {
    acknowledge(topic, {
      CKV_AWS_26:
        'A notification names an alarm and a metric, and no upload or user. Alarms cannot publish to a topic that is encrypted with AWS’s own key; with encryption=customer a key of the account encrypts it.',
    })
  }
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
      // Begins with the stack's name: both stacks exist while one compute takes over from the other.
      alarmName: `${Stack.of(scope).stackName}-${[id, of].filter(Boolean).join('-')}`,
      alarmDescription: `${description} See docs/how-to/runbook.md#${id.toLowerCase()}`,
      metric: metric.with({ period }),
      threshold: threshold ?? 0,
      evaluationPeriods: periods,
      comparisonOperator:
        threshold === undefined
          ? ComparisonOperator.LESS_THAN_OR_EQUAL_TO_THRESHOLD
          : ComparisonOperator.GREATER_THAN_THRESHOLD,
      // Most metrics have no data points while nothing happens.
      treatMissingData: isSteady ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    })
    alarm.addAlarmAction(action)
    alarm.addOkAction(action)
  }
}
