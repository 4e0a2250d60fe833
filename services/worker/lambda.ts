import { loadConfig } from '../platform/config/load.ts'
import { processorConfigSchema } from '../platform/config/worker.ts'
import { createLogger } from '../platform/log.ts'
import { startTracing } from '../platform/tracing/start.ts'
import { createLambdaHandler } from './lambda/handler.ts'
import { createWorkerServices } from './services.ts'

// Runs once for each execution environment. An invalid configuration ends the start here, and Lambda logs the error with every
// invalid variable.
const config = loadConfig(processorConfigSchema, process.env)
const log = createLogger({ level: config.LOG_LEVEL, role: 'worker' })
const tracing = await startTracing({ config, role: 'worker', log })
const services = await createWorkerServices(config, log, undefined, tracing)
const { processor, notifications, notificationCounts, scanCounts } = services
const processBatches = createLambdaHandler({
  processor,
  log,
  workerId: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
  notifier: notifications?.notifier,
  onEnd() {
    notificationCounts.emit()
    scanCounts.emit()
  },
})

/** The handler of the processor on Lambda: `services/worker/lambda.handler`. The mapping needs `ReportBatchItemFailures`. */
export const handler = tracing?.withFlush(processBatches) ?? processBatches
