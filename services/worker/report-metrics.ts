import type { KinesisConsumer } from '../consumer/index.ts'
import type { TellMetrics } from '../platform/emf.ts'
import type { Logger } from '../platform/log.ts'
import type { OutboxRelay } from './outbox-relay.ts'
import { createStuckShards } from './stuck-shards.ts'

export interface MetricsReport {
  /** Tells how the worker is, once and then at every interval. */
  start(): void
  stop(): void
}

export interface MetricsReportSettings {
  consumer: Pick<KinesisConsumer, 'metrics'>
  relay: Pick<OutboxRelay, 'oldestMs'>
  tell: TellMetrics
  log: Pick<Logger, 'warn'>
  intervalMs?: number
  /** Monotonic milliseconds. */
  now?: () => number
}

/** A shard that falls behind is never done. CloudWatch takes no infinity, and past a day all is the same. */
const LONGEST_DRAIN_SECONDS = 86_400

/** What alarms and autoscaling go by that only the worker knows. */
export function createMetricsReport(settings: MetricsReportSettings): MetricsReport {
  const { consumer, relay, tell, log, intervalMs = 60_000, now = () => performance.now() } = settings
  const stuckShards = createStuckShards()
  let timer: NodeJS.Timeout | undefined

  function report(): void {
    const { timeToDrainMs, shards } = consumer.metrics()
    const stuck = stuckShards(shards, now())
    if (stuck.length > 0) log.warn({ shards: stuck }, 'shards do not move')
    const oldestMs = relay.oldestMs()
    tell({
      StuckShards: stuck.length,
      ...(timeToDrainMs !== undefined && { TimeToDrain: Math.min(timeToDrainMs / 1_000, LONGEST_DRAIN_SECONDS) }),
      ...(oldestMs !== undefined && { OutboxAge: oldestMs / 1_000 }),
    })
  }

  return {
    start() {
      if (timer) return
      report()
      timer = setInterval(report, intervalMs).unref()
    },
    stop: () => clearInterval(timer),
  }
}
