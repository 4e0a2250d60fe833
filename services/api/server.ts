import { apiConfigSchema } from '../platform/config/api.ts'
import { loadConfig } from '../platform/config/load.ts'
import { createLogger } from '../platform/log.ts'
import { runMain } from '../platform/main.ts'
import { closeOnSignal } from '../platform/shutdown.ts'
import { buildApp } from './app.ts'
import { createDirectSweep } from './direct.ts'
import { createServices } from './services.ts'

/** The api as a container. */
runMain(async () => {
  const config = loadConfig(apiConfigSchema, process.env)
  const log = createLogger({ level: config.LOG_LEVEL, role: 'api' })
  const services = createServices(config)
  const app = await buildApp({ config, services, logger: log })
  const sweep = createDirectSweep(config, services, log)
  closeOnSignal({
    timeoutMs: config.SHUTDOWN_TIMEOUT_MS,
    log,
    close: async () => {
      await sweep.stop()
      await app.close()
    },
  })
  await app.listen({ host: config.HOST, port: config.PORT })
  sweep.start()
})
