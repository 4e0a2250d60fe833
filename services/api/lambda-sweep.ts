import { apiConfigSchema } from '../platform/config/api.ts'
import { loadConfig } from '../platform/config/load.ts'
import { createLogger } from '../platform/log.ts'
import { createDirectSweep } from './multi-request-uploads.ts'
import { createServices } from './services.ts'

const config = loadConfig(apiConfigSchema, process.env)
const log = createLogger({ level: config.LOG_LEVEL, role: 'api' })
const services = createServices(config)

/**
 * The sweep of uploads that were promised and never came, for Lambda, on a schedule: a function has no time between its requests.
 * Calls may overlap, and one that is killed is gone on with by the next.
 */
export const handler = async (): Promise<{ ended: number }> => ({
  ended: await createDirectSweep(config, services, log).runOnce(),
})
