import { pino } from 'pino'
import { loadConfig } from '../../../services/platform/config/load.ts'
import { workerConfigSchema } from '../../../services/platform/config/worker.ts'
import { names } from '../../../services/platform/resources.ts'
import { createNotificationStore } from '../../../services/uploads/notifications/notification-store.ts'
import { createNotificationDeadLetters } from '../../../services/worker/notifications/dead-letters.ts'
import { createDestinations } from '../../../services/worker/notifications/destinations.ts'
import { createReceiver } from '../../../services/worker/notifications/receiver.ts'
import { createNotificationRelay } from '../../../services/worker/notifications/relay.ts'
import { RETRY_FOR_MS } from '../../../services/worker/notifications/retry-schedule.ts'
import { createSendOwed } from '../../../services/worker/notifications/send-owed.ts'
import type { TestAws } from '../../support/aws.ts'

const MAX_PASSES = 20

/**
 * Runs the passes of the relay of notifications that would run when every retry is over. Call it when the workers have
 * stopped. Resolves to the number of uploads whose notifications were attempted.
 */
export async function sendLater(aws: TestAws, env: Record<string, string>): Promise<number> {
  const log = pino({ level: 'silent' })
  const config = loadConfig(workerConfigSchema, { ...aws.env, ...env })
  const destinations = await createDestinations({ config, env, awsConfig: aws.dynamodb.config, log })
  const store = createNotificationStore({ dynamodb: aws.dynamodb, table: names.uploadsTable })
  const counts = { sent: () => undefined, failed: () => undefined, deadLettered: () => undefined }
  const deadLetters = createNotificationDeadLetters({ s3: aws.s3, bucket: names.processedBucket })
  let ahead = RETRY_FOR_MS
  const now = () => Date.now() + ahead
  const receivers = destinations.map(destination => createReceiver({ destination, counts, log }))
  const sendOwed = createSendOwed({ receivers, store, deadLetters, counts, log, now, random: Math.random })
  const relay = createNotificationRelay({ store, sendOwed, log, now })
  try {
    let attempted = 0
    for (let pass = 0; pass < MAX_PASSES; pass++) {
      // Longer than a claim, and than the wait after an attempt.
      ahead += RETRY_FOR_MS
      const now = await relay.runOnce()
      if (now === 0) break
      attempted += now
    }
    return attempted
  } finally {
    for (const destination of destinations) destination.close()
  }
}
