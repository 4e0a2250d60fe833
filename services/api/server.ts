import { setTimeout as pass } from 'node:timers/promises'
import { apiConfigSchema } from '../platform/config/api.ts'
import { loadConfig } from '../platform/config/load.ts'
import { createLogger } from '../platform/log.ts'
import { runMain } from '../platform/main.ts'
import { onFirstUse } from '../platform/on-first-use.ts'
import { type OperatorPort, openOperatorPort } from '../platform/operator-port.ts'
import { closeOnSignal } from '../platform/shutdown.ts'
import { startTracing } from '../platform/tracing/start.ts'
import { adminPages } from './admin/pages.ts'
import { buildApp } from './app.ts'
import { stopInPhases, stopPhases } from './http/stop.ts'
import type { Sweep } from './pending/sweep.ts'

/** From listening until the rest is loaded that no request has asked for by then, in milliseconds. */
const QUIET_MS = 1_000

/** The api as a container. */
runMain(async () => {
  const config = loadConfig(apiConfigSchema, process.env)
  const log = createLogger({ level: config.LOG_LEVEL, role: 'api' })
  const tracing = await startTracing({ config, role: 'api', log })
  // Loaded where they are asked for: a start without them need not wait.
  const metrics =
    config.ADMIN_PORT === undefined ? undefined : (await import('./admin/metrics.ts')).createMetrics(tracing)
  const services = onFirstUse(async () => (await import('./services.ts')).createServices(config, tracing))
  const app = await buildApp({ config, services, logger: log, tracing, ...(metrics && { metrics }) })
  let sweep: Sweep | undefined
  let admin: OperatorPort | undefined
  const { delayMs, drainMs } = stopPhases(config)
  closeOnSignal({
    timeoutMs: config.SHUTDOWN_TIMEOUT_MS,
    log,
    async close() {
      await sweep?.stop()
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
  // Whoever starts a process asks at once whether it lives, and would have to wait for this.
  await pass(QUIET_MS, undefined, { ref: false })
  if (app.isStopping()) return
  await app.load()
  const { createDirectSweep } = await import('./multi-request-uploads.ts')
  sweep = createDirectSweep(config, await services(), log)
  if (!app.isStopping()) sweep.start()
})
