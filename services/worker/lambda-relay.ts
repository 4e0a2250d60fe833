/** The outbox relay, the relay of notifications and the relay of scans as a Lambda function, for a schedule of about a minute. All invocations share the configuration and clients. */
import { loadConfig } from '../platform/config/load.ts'
import { relayConfigSchema } from '../platform/config/worker.ts'
import { createLogger } from '../platform/log.ts'
import { startTracing } from '../platform/tracing/start.ts'
import { createRelayHandler } from './lambda/relay-handler.ts'
import { createOutboxRelay } from './outbox/relay.ts'
import { createWorkerServices } from './services.ts'

const config = loadConfig(relayConfigSchema, process.env)
const log = createLogger({ level: config.LOG_LEVEL, role: 'relay' })
const tracing = await startTracing({ config, role: 'relay', log })
const services = await createWorkerServices(config, log, undefined, tracing)
const { store, deletions, publisher, notifications, notificationCounts, emitMetrics } = services

const relay = createRelayHandler({
  createRelay: () =>
    createOutboxRelay({
      store,
      deletions,
      publisher,
      log,
      graceMs: config.OUTBOX_GRACE_MS,
      intervalMs: 0, // Each invocation makes one pass.
    }),
  createNotificationRelay: notifications?.createRelay,
  createScanRelay: services.createScanRelay,
  onScans(oldestMs) {
    if (oldestMs !== undefined) emitMetrics({ ScanAge: oldestMs / 1_000 })
  },
  onPass: oldestMs => emitMetrics({ OutboxAge: oldestMs / 1_000 }),
  onNotifications(oldestMs) {
    if (oldestMs !== undefined) emitMetrics({ NotificationAge: oldestMs / 1_000 })
    notificationCounts.emit()
  },
  log,
})

/** The handler of the outbox relay on Lambda: `services/worker/lambda-relay.handler`. */
export const handler = tracing?.withFlush(relay) ?? relay
