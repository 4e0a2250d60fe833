import { apiConfigSchema } from '../platform/config/api.ts'
import { loadConfig } from '../platform/config/load.ts'
import { createLogger } from '../platform/log.ts'
import { createPendingSweep } from './multi-request-uploads.ts'
import { createServices } from './services.ts'

const config = loadConfig(apiConfigSchema, process.env)
const log = createLogger({ level: config.LOG_LEVEL, role: 'api' })
const services = createServices(config)

/**
 * Runs the sweep of pending uploads on a schedule, because a Lambda function has no background process. Invocations may overlap. If one is
 * killed, the next continues.
 */
export const handler = async (): Promise<{ ended: number }> => ({
  ended: await createPendingSweep(config, services, log).runOnce(),
})
