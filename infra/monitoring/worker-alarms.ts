import type { Settings } from '../settings/schema.ts'
import type { AlarmSource } from './alarm-source.ts'
import { ownMetric } from './own-metric.ts'

/** Returns the alarms and widgets of the work itself, which are the same for either compute. */
export function workerAlarms(settings: Settings): AlarmSource {
  const [work, notifications] = [processingAlarms(settings), notificationAlarms(settings)]
  return {
    alarms: [...work.alarms, ...notifications.alarms],
    widgets: [...work.widgets, ...notifications.widgets],
  }
}

function processingAlarms(settings: Settings): AlarmSource {
  const deadLetters = ownMetric(settings, 'DeadLetters', 'Sum')
  const outboxAge = ownMetric(settings, 'OutboxAge', 'Maximum')
  return {
    alarms: [
      {
        id: 'DeadLetters',
        description: 'Records were dead-lettered.',
        metric: deadLetters,
        threshold: 0,
        periods: 1,
      },
      {
        id: 'OutboxAge',
        description: 'Events of accepted uploads wait to be published to Kinesis.',
        metric: outboxAge,
        threshold: settings.maxOutboxSeconds,
        periods: 10,
        // The value is 0 while nothing waits. Missing data means that no relay runs.
        isSteady: true,
      },
    ],
    widgets: [{ title: 'Dead letters and outbox', left: [deadLetters], right: [outboxAge] }],
  }
}

function notificationAlarms(settings: Settings): AlarmSource {
  if (settings.notifications.length === 0) return { alarms: [], widgets: [] }
  const deadLetters = ownMetric(settings, 'NotificationDeadLetters', 'Sum')
  const failed = ownMetric(settings, 'NotificationsFailed', 'Sum')
  const sent = ownMetric(settings, 'NotificationsSent', 'Sum')
  const age = ownMetric(settings, 'NotificationAge', 'Maximum')
  return {
    alarms: [
      {
        id: 'NotificationDeadLetters',
        description: 'Notifications were given up.',
        metric: deadLetters,
        threshold: 0,
        periods: 1,
      },
      {
        id: 'NotificationAge',
        description: 'Notifications are due, and no relay tries to send them.',
        metric: age,
        threshold: settings.maxNotificationSeconds,
        periods: 10,
        // The value is 0 while nothing is late. Missing data means that no relay runs.
        isSteady: true,
      },
    ],
    widgets: [{ title: 'Notifications', left: [sent, failed, deadLetters], right: [age] }],
  }
}
