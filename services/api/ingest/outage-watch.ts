import type { Logger } from '../../platform/log.ts'
import { createPublishBreaker } from '../../uploads/events/publish-breaker.ts'
import type { EventPublisher } from '../../uploads/events/publisher.ts'
import type { Metrics } from '../admin/metrics.ts'

export interface OutageWatchSettings {
  publisher: EventPublisher
  /** How long an event waits for Kinesis, in milliseconds. */
  timeoutMs: number
  log: Pick<Logger, 'warn' | 'info'>
  metrics?: Pick<Metrics, 'eventOutage'>
}

/** A publisher that keeps nobody waiting for a stream that is down, and tells of it. */
export function createOutageWatch({ publisher, timeoutMs, log, metrics }: OutageWatchSettings): EventPublisher {
  return createPublishBreaker({
    publisher,
    // An event that is not taken has waited for all of it, but for what the clocks differ by.
    slowMs: timeoutMs / 2,
    onOpen(err) {
      metrics?.eventOutage(true)
      log.warn({ err }, 'Kinesis takes no events: uploads are left to the outbox relay without a wait, until it does')
    },
    onClose({ ms, refused }) {
      metrics?.eventOutage(false)
      log.info({ ms: Math.round(ms), refused }, 'Kinesis takes events again')
    },
  })
}
