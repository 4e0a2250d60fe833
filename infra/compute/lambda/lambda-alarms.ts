import { Duration } from 'aws-cdk-lib'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import type { Queue } from 'aws-cdk-lib/aws-sqs'
import type { AlarmSource } from '../../monitoring/alarm-source.ts'
import { workerAlarms } from '../../monitoring/worker-alarms.ts'
import type { Settings } from '../../settings/schema.ts'

export interface LambdaParts {
  api: LambdaFunction
  processor: LambdaFunction
  relay: LambdaFunction
  sweep: LambdaFunction
  orphans: LambdaFunction
  failures: Queue
  settings: Settings
}

/** Returns the age of a shard's oldest record, in milliseconds, from which records are at risk of expiring unread. */
export function expiryRiskMs({ retentionHours }: Settings): number {
  return (retentionHours * 3_600_000) / 2
}

/** Returns the alarms and widgets of the functions and the event source mapping. */
export function lambdaAlarms({ api, processor, relay, sweep, orphans, failures, settings }: LambdaParts): AlarmSource {
  const period = Duration.minutes(1)
  // Lambda emits the age once an invocation. The period is longer than an invocation that times out, so each period has a value.
  const perInvocation = Duration.minutes(5 * Math.ceil(settings.processorSeconds / 300))
  const functions = { api, processor, relay, sweep, orphans }
  const age = processor.metric('IteratorAge', { statistic: 'Maximum', period })
  const each = (of: 'metricThrottles' | 'metricErrors') =>
    Object.entries(functions).map(([name, it]) => ({
      of: it.node.id,
      metric: it[of]({ statistic: 'Sum', period }),
      threshold: 0,
      // Two periods in a row, each long enough for a schedule of a quarter of an hour.
      period: Duration.minutes(name === 'sweep' || name === 'orphans' ? 15 : 5),
      periods: 2,
    }))
  const throttles = each('metricThrottles')
  const errors = each('metricErrors')
  const expired = failures.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period })
  const own = workerAlarms(settings)
  return {
    alarms: [
      ...own.alarms,
      {
        id: 'IteratorAge',
        description: 'The processor is behind the stream.',
        metric: age,
        threshold: settings.maxAgeSeconds * 1_000,
        period: perInvocation,
        periods: 1,
      },
      {
        id: 'StuckShards',
        description: 'A shard made no progress for half the retention of the stream.',
        metric: age,
        threshold: expiryRiskMs(settings),
        period: perInvocation,
        periods: 1,
      },
      {
        id: 'RecordsExpired',
        description: 'Records expired from the stream before they could be processed.',
        metric: expired,
        threshold: 0,
        periods: 1,
      },
      ...errors.map(it => ({
        id: 'FunctionErrors',
        description: 'A function throws, times out, runs out of memory, or does not start.',
        ...it,
      })),
      ...throttles.map(it => ({
        id: 'FunctionThrottles',
        description: 'Invocations of a function exceed its concurrency, or that of the account.',
        ...it,
      })),
    ],
    widgets: [
      ...own.widgets,
      { title: 'Behind the stream (ms)', left: [age] },
      {
        title: 'Functions',
        left: [...errors, ...throttles].map(({ metric }) => metric),
        right: [processor.metricDuration({ statistic: 'p99', period })],
      },
    ],
  }
}
