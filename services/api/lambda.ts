import { apiConfigSchema } from '../platform/config/api.ts'
import { loadConfig } from '../platform/config/load.ts'
import { createLogger } from '../platform/log.ts'
import { startTracing } from '../platform/tracing/start.ts'
import { buildApp } from './app.ts'
import { createLambdaHandler } from './lambda-handler.ts'
import { createServices } from './services.ts'

// Runs once for each execution environment, in its init phase. An error here is reported as a failed start.
const config = loadConfig(apiConfigSchema, process.env)
const logger = createLogger({ level: config.LOG_LEVEL, role: 'api' })
const tracing = await startTracing({ config, role: 'api', log: logger })
const services = async () => createServices(config, tracing)
const app = await buildApp({ config, services, logger, tracing, isBuffered: true })
// Warms up before the first request, because a function has full CPU during its init phase.
await app.warmUp()
const serve = createLambdaHandler(app)

/** Serves the api behind API Gateway. */
export const handler = tracing?.withFlush(serve) ?? serve
