import { loadConfig } from '../platform/config/load.ts'
import { processorConfigSchema } from '../platform/config/worker.ts'
import { createLogger } from '../platform/log.ts'
import { startTracing } from '../platform/tracing/start.ts'
import { createLambdaHandler } from './lambda/handler.ts'
import { createWorkerServices } from './services.ts'

// Once for each execution environment, not for each batch. A configuration that cannot be used ends the start here, and
// Lambda logs the error with every variable at fault.
const config = loadConfig(processorConfigSchema, process.env)
const log = createLogger({ level: config.LOG_LEVEL, role: 'worker' })
const tracing = await startTracing({ config, role: 'worker', log })
const { processor } = await createWorkerServices(config, log, undefined, tracing)
const processBatches = createLambdaHandler({ processor, log })

/** The entry for Lambda: `services/worker/lambda.handler`. Turn `ReportBatchItemFailures` on in the mapping. */
export const handler = tracing?.flushed(processBatches) ?? processBatches
