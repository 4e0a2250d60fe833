/** The worker container: consumes the stream, processes uploads, and publishes what is left in the outbox. */
import { loadConfig } from '../platform/config/load.ts'
import { workerConfigSchema } from '../platform/config/worker.ts'
import { createLogger } from '../platform/log.ts'
import { runMain } from '../platform/main.ts'
import { type OperatorPort, openOperatorPort } from '../platform/operator-port.ts'
import { closeOnSignal } from '../platform/shutdown.ts'
import { checkResources } from './check-resources.ts'
import { createUploadConsumer } from './consumer.ts'
import { createOutboxRelay } from './outbox-relay.ts'
import { createMetricsReport } from './report-metrics.ts'
import { createWorkerServices } from './services.ts'
import { healthPages, live, ready } from './worker-health.ts'

runMain(async () => {
  const startedAt = performance.now()
  const config = loadConfig(workerConfigSchema, process.env)
  const log = createLogger({ level: config.LOG_LEVEL, role: 'worker' })
  const services = createWorkerServices(config, log)
  const consumer = createUploadConsumer(config, services, log)
  const relay = createOutboxRelay({
    store: services.store,
    deletions: services.deletions,
    publisher: services.publisher,
    intervalMs: config.OUTBOX_INTERVAL_MS,
    graceMs: config.OUTBOX_GRACE_MS,
    log,
  })
  const report = createMetricsReport({
    consumer,
    relay,
    tell: services.tell,
    intervalMs: config.EMF_INTERVAL_MS,
    log,
  })
  let health: OperatorPort | undefined

  closeOnSignal({
    timeoutMs: config.SHUTDOWN_TIMEOUT_MS,
    log,
    async close() {
      report.stop()
      // The health port last: an orchestrator must not take a worker that drains for one that is dead.
      await Promise.all([consumer.stop(), relay.stop()])
      await services.close()
      await health?.close()
    },
  })

  if (config.HEALTH_PORT !== undefined) {
    const pages = healthPages({
      live: () =>
        live(consumer, { failoverMs: config.FAILOVER_TIME_MS, millisSinceStart: performance.now() - startedAt }),
      ready: () => ready(consumer),
    })
    health = await openOperatorPort({ host: config.HEALTH_HOST, port: config.HEALTH_PORT, pages, log })
  }
  await checkResources({ config, ...services, log })
  await consumer.start()
  relay.start()
  report.start()
  log.info({ workerId: consumer.workerId, stream: config.STREAM_NAME, health: health?.url }, 'worker started')
})
