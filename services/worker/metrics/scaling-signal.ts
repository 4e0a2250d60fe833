import type { ConsumerMetrics, KinesisConsumer } from '../../consumer/index.ts'
import type { TellMetrics } from '../../platform/emf.ts'
import type { MetricValues } from '../../platform/metrics.ts'
import type { StuckShards } from '../health/stuck-shards.ts'
import type { OutboxRelay } from '../outbox/relay.ts'

export interface ScalingSignalSettings {
  /** Every worker of an application reports for itself, and the maximum over them is the fleet's. */
  emitMetrics: TellMetrics
  consumer: Pick<KinesisConsumer, 'metrics'>
  stuck: Pick<StuckShards, 'find'>
  relay: Pick<OutboxRelay, 'oldestMs'>
  intervalMs?: number
}

/** What a shard that falls behind reports: CloudWatch takes no infinity, and an alarm needs a number. */
export const MAX_SECONDS = 86_400

/** Tells CloudWatch, again and again, what a fleet is scaled by and what alarms go by that only a worker knows. */
export function startScalingSignal(settings: ScalingSignalSettings): { stop(): void } {
  const { emitMetrics: tell, consumer, stuck, relay, intervalMs = 60_000 } = settings
  const report = () => tell(signalOf(consumer.metrics(), stuck.find().length, relay.oldestMs()))
  const timer = setInterval(report, intervalMs).unref()
  return { stop: () => clearInterval(timer) }
}

/** What is not known yet is left out: 0 would let a fleet be scaled in. */
export function signalOf(metrics: ConsumerMetrics, stuckShards: number, oldestMs: number | undefined): MetricValues {
  return {
    TimeToDrain: bounded(metrics.timeToDrainMs),
    BehindLatest: bounded(metrics.millisBehindLatest),
    RecordsPending: metrics.records.pending,
    LeasesHeld: metrics.leases.held,
    StuckShards: stuckShards,
    OutboxAge: bounded(oldestMs),
  }
}

function bounded(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.min(MAX_SECONDS, ms / 1_000)
}
