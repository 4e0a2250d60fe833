import { Duration } from 'aws-cdk-lib'
import { MathExpression } from 'aws-cdk-lib/aws-cloudwatch'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import type { Queue } from 'aws-cdk-lib/aws-sqs'
import type { AlarmSource } from '../../running/alarm-source.ts'
import { workerAlarms } from '../../running/worker-alarms.ts'
import type { Settings } from '../../settings/schema.ts'

export interface LambdaParts {
  api: LambdaFunction
  processor: LambdaFunction
  relay: LambdaFunction
  sweep: LambdaFunction
  strays: LambdaFunction
  failures: Queue
  settings: Settings
}

/** How far a shard may fall back before what is not read yet is near its end. */
export function expiryRiskMs({ retentionHours }: Settings): number {
  return (retentionHours * 3_600_000) / 2
}

/** Of the functions and the mapping. */
export function lambdaAlarms({ api, processor, relay, sweep, strays, failures, settings }: LambdaParts): AlarmSource {
  const period = Duration.minutes(1)
  const functions = { api, processor, relay, sweep, strays }
  const age = processor.metric('IteratorAge', { statistic: 'Maximum', period })
  const sum = (label: string, of: 'metricThrottles' | 'metricErrors') =>
    new MathExpression({
      label,
      expression: Object.keys(functions)
        .map(name => `${name}${label}`)
        .join(' + '),
      period,
      usingMetrics: Object.fromEntries(
        Object.entries(functions).map(([name, it]) => [`${name}${label}`, it[of]({ statistic: 'Sum', period })]),
      ),
    })
  const throttles = sum('Throttles', 'metricThrottles')
  const errors = sum('Errors', 'metricErrors')
  const givenUp = failures.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period })
  const own = workerAlarms(settings)
  return {
    alarms: [
      ...own.alarms,
      {
        id: 'IteratorAge',
        description: 'The processor is behind the stream.',
        metric: age,
        threshold: settings.maxAgeSeconds * 1_000,
        minutes: 5,
      },
      {
        id: 'StuckShards',
        description: 'A shard has stood still so long that its records are half way to being lost.',
        metric: age,
        threshold: expiryRiskMs(settings),
        minutes: 1,
      },
      {
        id: 'RecordsGivenUp',
        description: 'Records left the stream before they could be processed.',
        metric: givenUp,
        threshold: 0,
        minutes: 1,
      },
      {
        id: 'FunctionErrors',
        description: 'A function throws, runs out of time or memory, or does not start.',
        metric: errors,
        threshold: 0,
        minutes: 5,
      },
      {
        id: 'FunctionThrottles',
        description: 'A function is asked for more often than its concurrency, or the account’s, allows.',
        metric: throttles,
        threshold: 0,
        minutes: 5,
      },
    ],
    widgets: [
      ...own.widgets,
      { title: 'Behind the stream (ms)', left: [age] },
      {
        title: 'Functions',
        left: [errors, throttles],
        right: [processor.metricDuration({ statistic: 'p99', period })],
      },
    ],
  }
}
