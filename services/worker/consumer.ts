import { KinesisConsumer } from '../consumer/index.ts'
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

/** Creates the consumer of upload events. Its handler is the processor, and its events are logged. */
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
        await processor.process(record, { signal, attempt, isSuspect, onWait })
      } finally {
        clearInterval(slow)
      }
    },
    fairnessKey: ({ data }) => ownerOfEvent(data),
    failoverMs: config.FAILOVER_TIME_MS,
    concurrency: config.SHARD_CONCURRENCY,
    handlerTimeoutMs: HANDLER_TIMEOUT_MS,
    drainTimeoutMs: Math.max(0, config.SHUTDOWN_TIMEOUT_MS - LAST_WRITES_MS),
    ...(config.WORKER_ID === undefined ? {} : { workerId: config.WORKER_ID }),
  })
  logEvents(consumer, log)
  return consumer
}

function logEvents({ events }: KinesisConsumer, log: Logger): void {
  events.on('leaseAcquired', event => log.info(event, 'lease acquired'))
  events.on('leaseLost', event => log.info(event, 'lease released or lost'))
  events.on('shardEnded', event => log.info(event, 'shard ended'))
  events.on('recordFailed', ({ error: err, record, ...event }) =>
    log.warn({ err, ...event, ...uploadFields(record) }, 'record failed and will be retried'),
  )
  events.on('breakerOpened', event => log.warn(event, 'a dependency fails: no records start until it recovers'))
  events.on('breakerClosed', event => log.info(event, 'the dependency has recovered: records start again'))
  events.on('hashRangeHole', event => log.error(event, 'no worker reads the records of this hash key'))
  // Thrown so that nothing catches it: the worker drains and exits with 1, as after every fatal error.
  events.on('failed', ({ error }) => {
    setImmediate(() => {
      throw error
    })
  })
  events.on('fault', ({ error: err, ...event }) =>
    log.warn({ err, ...event }, 'a call to AWS failed and will be retried'),
  )
}
