import { type ConsumerLogger, KinesisConsumer } from '../consumer/index.ts'
import type { WorkerConfig } from '../platform/config/worker.ts'
import type { Logger } from '../platform/log.ts'
import { ownerOfEvent } from '../uploads/events/event-owner.ts'
import { uploadFields } from './processing/log-fields.ts'
import type { WorkerServices } from './services.ts'

/** The part of SHUTDOWN_TIMEOUT_MS that is kept for the last writes, after the handlers have stopped. */
const LAST_WRITES_MS = 5_000

/** The largest upload takes hours. The AWS clients themselves end a request that hangs. */
const HANDLER_TIMEOUT_MS = 12 * 3_600_000

/** A record that takes longer gives its place to another record, unless too many records have done so already. */
const SLOW_AFTER_MS = 500

/** Creates the consumer of upload events. Its handler is the processor. */
export function createUploadConsumer(config: WorkerConfig, services: WorkerServices, log: Logger): KinesisConsumer {
  const { kinesis, dynamodb, processor } = services
  const consumer = new KinesisConsumer({
    applicationName: config.APPLICATION_NAME,
    streamName: config.STREAM_NAME,
    kinesis,
    dynamodb,
    handler: async (record, context) => {
      const { signal, attempt, takenOverAt } = context
      const isSuspect = takenOverAt !== undefined && record.arrivedAt <= takenOverAt
      const onWait = () => {
        context.yieldPlace()
      }
      const slow = setInterval(() => {
        if (context.yieldPlace()) clearInterval(slow)
      }, SLOW_AFTER_MS)
      try {
        const { workerId } = consumer
        await processor.process(record, { signal, attempt, workerId, isSuspect, onWait })
      } finally {
        clearInterval(slow)
      }
    },
    fairnessKey: ({ data }) => ownerOfEvent(data),
    failoverMs: config.FAILOVER_TIME_MS,
    concurrency: config.SHARD_CONCURRENCY,
    handlerTimeoutMs: HANDLER_TIMEOUT_MS,
    logger: consumerLogger(log),
    drainTimeoutMs: Math.max(0, config.SHUTDOWN_TIMEOUT_MS - LAST_WRITES_MS),
    ...(config.WORKER_ID === undefined ? {} : { workerId: config.WORKER_ID }),
  })
  logEvents(consumer, log)
  return consumer
}

/** Events that this file logs itself: a failed record with its upload, and a failure as the fatal error that it is. */
const OWN_LINES = new Set<unknown>(['recordFailed', 'failed'])

/** Returns the logger of the consumer: the log of the worker without the lines that the worker writes itself. */
function consumerLogger(log: Logger): ConsumerLogger {
  const unlessOwn = (level: keyof ConsumerLogger) => (fields: object, message: string) => {
    if (!OWN_LINES.has(Reflect.get(fields, 'event'))) log[level](fields, message)
  }
  return { debug: unlessOwn('debug'), info: unlessOwn('info'), warn: unlessOwn('warn'), error: unlessOwn('error') }
}

function logEvents({ events }: KinesisConsumer, log: Logger): void {
  events.on('recordFailed', ({ error: err, record, ...event }) =>
    log.warn({ err, ...event, ...uploadFields(record) }, 'record failed and will be retried'),
  )
  // Thrown so that nothing catches it: the worker drains and exits with 1, as after every fatal error.
  events.on('failed', ({ error }) => {
    setImmediate(() => {
      throw error
    })
  })
}
