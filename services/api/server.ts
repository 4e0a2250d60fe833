import { apiConfigSchema } from '../platform/config/api.ts'
import { loadConfig } from '../platform/config/load.ts'
import { createLogger } from '../platform/log.ts'
import { runMain } from '../platform/main.ts'
import { type OperatorPort, openOperatorPort } from '../platform/operator-port.ts'
import { closeOnSignal } from '../platform/shutdown.ts'
import { startTracing } from '../platform/tracing/start.ts'
import { adminPages } from './admin/pages.ts'
import { buildApp } from './app.ts'
import { createDirectSweep } from './direct.ts'
import { stopInPhases, stopPhases } from './http/stop.ts'
import { createServices } from './services.ts'

/** The api as a container. */
runMain(async () => {
  const config = loadConfig(apiConfigSchema, process.env)
  const log = createLogger({ level: config.LOG_LEVEL, role: 'api' })
  const tracing = await startTracing({ config, role: 'api', log })
  // Loaded where they are asked for: a start without them need not wait.
  const metrics =
    config.ADMIN_PORT === undefined ? undefined : (await import('./admin/metrics.ts')).createMetrics(tracing)
  const services = createServices(config, tracing)
  const app = await buildApp({ config, services, logger: log, tracing, ...(metrics && { metrics }) })
  const sweep = createDirectSweep(config, services, log)
  let admin: OperatorPort | undefined
  const { delayMs, drainMs } = stopPhases(config)
  closeOnSignal({
    timeoutMs: config.SHUTDOWN_TIMEOUT_MS,
    log,
    async close() {
      await sweep.stop()
      await stopInPhases(app, { delayMs, drainMs, log })
      // The admin port last: whoever watches it must not take an api that drains for one that is dead.
      await admin?.close()
    },
    last: tracing?.close,
  })
  await app.listen({ host: config.HOST, port: config.PORT })
  if (metrics && config.ADMIN_PORT !== undefined) {
    const { readiness, isStopping } = app
    const pages = adminPages({ metrics, readiness, isStopping })
    admin = await openOperatorPort({ host: config.ADMIN_HOST, port: config.ADMIN_PORT, pages, log })
    log.info({ admin: admin.url }, 'admin port listening')
  }
  sweep.start()
})
