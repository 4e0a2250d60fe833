import { apiConfigSchema } from '../platform/config/api.ts'
import { loadConfig } from '../platform/config/load.ts'
import { createLogger } from '../platform/log.ts'
import { runMain } from '../platform/main.ts'
import { closeOnSignal } from '../platform/shutdown.ts'
import { buildApp } from './app.ts'
import { createServices } from './services.ts'

/** The api as a container. */
runMain(async () => {
  const config = loadConfig(apiConfigSchema, process.env)
  const log = createLogger({ level: config.LOG_LEVEL, role: 'api' })
  const app = await buildApp({ config, services: createServices(config), logger: log })
  closeOnSignal({ timeoutMs: config.SHUTDOWN_TIMEOUT_MS, log, close: () => app.close() })
  await app.listen({ host: config.HOST, port: config.PORT })
})
