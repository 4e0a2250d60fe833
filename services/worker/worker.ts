/** The worker container: consumes the stream, processes uploads, publishes events from the outbox and sweeps orphans. */
import { loadConfig } from '../platform/config/load.ts'
import { workerConfigSchema } from '../platform/config/worker.ts'
import { createLogger } from '../platform/log.ts'
import { runMain } from '../platform/main.ts'
import { type OperatorPort, openOperatorPort } from '../platform/operator-port.ts'
import { closeOnSignal } from '../platform/shutdown.ts'
import { startTracing } from '../platform/tracing/start.ts'
import { createUploadConsumer } from './consumer.ts'
import { checkResources } from './health/check-resources.ts'
import { createStuckShards } from './health/stuck-shards.ts'
import { healthPages, live, ready } from './health/worker-health.ts'
import { startScalingSignal } from './metrics/scaling-signal.ts'
import { createWorkerMetrics } from './metrics/worker-metrics.ts'
import { createWorkerOrphanSweep } from './orphans/sweep.ts'
import { createOutboxRelay } from './outbox/relay.ts'
import { checkScanner } from './scanning/open.ts'
import { createWorkerServices } from './services.ts'

/** How long a shutdown waits for notifications that are being sent. It must fit into the time for the last writes of the consumer. */
const DRAIN_MS = 2_000

runMain(async () => {
  const startedAt = performance.now()
  const config = loadConfig(workerConfigSchema, process.env)
  const log = createLogger({ level: config.LOG_LEVEL, role: 'worker' })
  const tracing = await startTracing({ config, role: 'worker', log })
  const metrics = createWorkerMetrics(tracing)
  const services = await createWorkerServices(config, log, metrics.work, tracing)
  const consumer = createUploadConsumer(config, services, log)
  const stuck = createStuckShards({ consumer, boundMs: config.STUCK_AFTER_MS })
  const relay = createOutboxRelay({
    store: services.store,
    deletions: services.deletions,
    publisher: services.publisher,
    intervalMs: config.OUTBOX_INTERVAL_MS,
    graceMs: config.OUTBOX_GRACE_MS,
    log,
  })
  const { notifications, notificationCounts, scanner, scanCounts } = services
  const notificationRelay = notifications?.createRelay()
  const scanRelay = services.createScanRelay?.()
  const orphans = createWorkerOrphanSweep(config, services, log)
  let operatorPort: OperatorPort | undefined

  closeOnSignal({
    timeoutMs: config.SHUTDOWN_TIMEOUT_MS,
    log,
    async close(error) {
      // An uncaught error may come from the work on a record, in a transform for example. The operator port closes last: an
      // orchestrator must not take a worker that drains for one that is dead.
      await Promise.all([
        consumer.stop({ isCrash: error !== undefined }),
        relay.stop(),
        orphans.stop(),
        notificationRelay?.stop(),
        scanRelay?.stop(),
      ])
      stuck.stop()
      await notifications?.notifier.drain(DRAIN_MS)
      notificationCounts.emit()
      scanCounts.emit()
      await services.close()
      await operatorPort?.close()
    },
    flush: tracing?.close,
  })

  if (config.HEALTH_PORT !== undefined) {
    const liveness = () => ({
      failoverMs: config.FAILOVER_TIME_MS,
      millisSinceStart: performance.now() - startedAt,
      stuck: stuck.find(),
    })
    const pages = {
      ...healthPages({ live: () => live(consumer, liveness()), ready: () => ready(consumer, stuck.find()) }),
      ...metrics.pages({ consumer, stuck, relay, notificationRelay, scanRelay, notifications }),
    }
    operatorPort = await openOperatorPort({ host: config.HEALTH_HOST, port: config.HEALTH_PORT, pages, log })
  }
  await checkResources({ config, ...services, notifications: notifications ?? scanRelay, log })
  void checkScanner(scanner, log)
  await consumer.start()
  relay.start()
  notificationRelay?.start()
  scanRelay?.start()
  orphans.start()
  stuck.start()
  const { emitMetrics } = services
  startScalingSignal({
    emitMetrics,
    consumer,
    stuck,
    relay,
    notificationRelay,
    notificationCounts,
    scanRelay,
    scanCounts,
  })
  log.info({ workerId: consumer.workerId, stream: config.STREAM_NAME, health: operatorPort?.url }, 'worker started')
})
