import { apiConfigSchema } from '../platform/config/api.ts'
import { loadConfig } from '../platform/config/load.ts'
import { createLogger } from '../platform/log.ts'
import { startTracing } from '../platform/tracing/start.ts'
import { buildApp } from './app.ts'
import { createLambdaHandler } from './lambda-handler.ts'
import { createServices } from './services.ts'

// Once for the life of the function's environment, in its init phase: what throws here is reported as a failed start.
const config = loadConfig(apiConfigSchema, process.env)
const logger = createLogger({ level: config.LOG_LEVEL, role: 'api' })
const tracing = await startTracing({ config, role: 'api', log: logger })
const services = async () => createServices(config, tracing)
const app = await buildApp({ config, services, logger, tracing, isBuffered: true })
// No request is to wait for it, and a function has its whole processor while it starts.
await app.load()
const serve = createLambdaHandler(app)

/** The api behind API Gateway. */
export const handler = tracing?.flushed(serve) ?? serve
