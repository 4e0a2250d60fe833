import type { Settings } from '../settings/schema.ts'
import type { AlarmSource } from './alarm-source.ts'
import { ownMetric } from './own-metric.ts'

/** Returns the alarms and widgets of the work itself, which are the same for either compute. */
export function workerAlarms(settings: Settings): AlarmSource {
  const sources = [processingAlarms(settings), notificationAlarms(settings), scanAlarms(settings)]
  return { alarms: sources.flatMap(({ alarms }) => alarms), widgets: sources.flatMap(({ widgets }) => widgets) }
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

function scanAlarms(settings: Settings): AlarmSource {
  if (settings.scanner === 'none') return { alarms: [], widgets: [] }
  const quarantined = ownMetric(settings, 'UploadsQuarantined', 'Sum')
  const failures = ownMetric(settings, 'ScanFailures', 'Sum')
  const age = ownMetric(settings, 'ScanAge', 'Maximum')
  const isTagging = settings.scanner === 'guardduty'
  return {
    alarms: [
      {
        id: 'UploadsQuarantined',
        description: 'The scanner found malware in uploads.',
        metric: quarantined,
        threshold: 0,
        periods: 1,
      },
      {
        id: 'ScanFailures',
        description: 'Scans have no verdict. Uploads wait, or are given up.',
        metric: failures,
        threshold: 0,
        // A single failure is retried.
        periods: isTagging ? 1 : 10,
      },
      ...(isTagging
        ? [
            {
              id: 'ScanAge',
              description: 'Uploads wait for the verdict of GuardDuty.',
              metric: age,
              threshold: settings.maxScanSeconds,
              periods: 10,
              // The value is 0 while nothing waits. Missing data means that no relay runs.
              isSteady: true,
            },
          ]
        : []),
    ],
    widgets: [{ title: 'Scans', left: [quarantined, failures], right: isTagging ? [age] : [] }],
  }
}
