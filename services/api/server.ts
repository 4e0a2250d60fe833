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
import { stopInPhases, stopPhases } from './http/stop-in-phases.ts'
import type { Sweep } from './pending/sweep.ts'

/** Delay between the start of listening and the warm-up, if no request comes before, in milliseconds. */
const QUIET_MS = 1_000

/** Runs the api as a container. */
runMain(async () => {
  const config = loadConfig(apiConfigSchema, process.env)
  const log = createLogger({ level: config.LOG_LEVEL, role: 'api' })
  const tracing = await startTracing({ config, role: 'api', log })
  // Metrics are loaded only if they are enabled, because loading them slows the start.
  const metrics =
    config.ADMIN_PORT === undefined ? undefined : (await import('./admin/metrics.ts')).createMetrics(tracing)
  const services = onFirstUse(async () => (await import('./services.ts')).createServices(config, tracing))
  const app = await buildApp({ config, services, logger: log, tracing, metrics })
  let sweep: Sweep | undefined
  let admin: OperatorPort | undefined
  const { delayMs, drainMs } = stopPhases(config)
  closeOnSignal({
    timeoutMs: config.SHUTDOWN_TIMEOUT_MS,
    log,
    async close() {
      await sweep?.stop()
      await stopInPhases(app, { delayMs, drainMs, log })
      // The admin port closes last, so that a monitor does not take a draining api for a dead one.
      await admin?.close()
    },
    flush: tracing?.close,
  })
  await app.listen({ host: config.HOST, port: config.PORT })
  if (metrics && config.ADMIN_PORT !== undefined) {
    const { readiness, isStopping } = app
    const pages = adminPages({ metrics, readiness, isStopping })
    admin = await openOperatorPort({ host: config.ADMIN_HOST, port: config.ADMIN_PORT, pages, log })
    log.info({ admin: admin.url }, 'admin port listening')
  }
  // The warm-up starts after a delay, because probes check a new process at once and would have to wait for it.
  await pass(QUIET_MS, undefined, { ref: false })
  if (app.isStopping()) return
  await app.warmUp()
  const { createPendingSweep } = await import('./multi-request-uploads.ts')
  sweep = createPendingSweep(config, await services(), log)
  if (!app.isStopping()) sweep.start()
})
