import type { Settings } from '../settings/schema.ts'
import type { AlarmSource } from './alarm-source.ts'
import { ownMetric } from './own-metric.ts'

/** Of the work itself, whatever runs it. */
export function workerAlarms(settings: Settings): AlarmSource {
  const deadLetters = ownMetric(settings, 'DeadLetters', 'Sum')
  const outboxAge = ownMetric(settings, 'OutboxAge', 'Maximum')
  return {
    alarms: [
      {
        id: 'DeadLetters',
        description: 'Records were given up and are dead letters now.',
        metric: deadLetters,
        threshold: 0,
        periods: 1,
      },
      {
        id: 'OutboxAge',
        description: 'Accepted uploads wait for Kinesis to take their event.',
        metric: outboxAge,
        threshold: settings.maxOutboxSeconds,
        periods: 10,
        // 0 where nothing waits: where it is not told, nobody looks.
        isSteady: true,
      },
    ],
    widgets: [{ title: 'Dead letters and outbox', left: [deadLetters], right: [outboxAge] }],
  }
}
