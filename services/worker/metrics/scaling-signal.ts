import type { ConsumerMetrics, KinesisConsumer } from '../../consumer/index.ts'
import type { EmitMetrics } from '../../platform/emf.ts'
import type { MetricValues } from '../../platform/metrics.ts'
import type { StuckShards } from '../health/stuck-shards.ts'
import type { EmittedCounts } from '../notifications/counts.ts'
import type { NotificationRelay } from '../notifications/relay.ts'
import type { OutboxRelay } from '../outbox/relay.ts'
import type { EmittedScanCounts } from '../scanning/counts.ts'
import type { ScanRelay } from '../scanning/relay.ts'

export interface ScalingSignalSettings {
  /** Each worker of an application reports its own values. The value of the fleet is their maximum. */
  emitMetrics: EmitMetrics
  consumer: Pick<KinesisConsumer, 'metrics'>
  stuck: Pick<StuckShards, 'find'>
  relay: Pick<OutboxRelay, 'oldestMs'>
  /** Undefined if there are no destinations. */
  notificationRelay?: Pick<NotificationRelay, 'oldestMs'> | undefined
  notificationCounts?: Pick<EmittedCounts, 'emit'> | undefined
  /** Undefined unless the scanner tags objects. */
  scanRelay?: Pick<ScanRelay, 'oldestMs'> | undefined
  scanCounts?: Pick<EmittedScanCounts, 'emit'> | undefined
  intervalMs?: number
}

/** The value for a shard that falls behind. CloudWatch does not accept infinity, and an alarm needs a number. */
export const MAX_SECONDS = 86_400

/** Emits the metrics that scaling and alarms need to CloudWatch, once per interval. */
export function startScalingSignal(settings: ScalingSignalSettings): { stop(): void } {
  const { emitMetrics, consumer, stuck, relay, notificationRelay, notificationCounts } = settings
  const { scanRelay, scanCounts, intervalMs = 60_000 } = settings
  const report = () => {
    const ages = {
      outboxMs: relay.oldestMs(),
      notificationMs: notificationRelay?.oldestMs(),
      scanMs: scanRelay?.oldestMs(),
    }
    emitMetrics(signalOf(consumer.metrics(), stuck.find().length, ages))
    notificationCounts?.emit()
    scanCounts?.emit()
  }
  const timer = setInterval(report, intervalMs).unref()
  return { stop: () => clearInterval(timer) }
}

/** Ages of the oldest entries in milliseconds; undefined if unknown. */
export interface Ages {
  outboxMs: number | undefined
  /** Undefined without destinations. */
  notificationMs: number | undefined
  /** Undefined unless the scanner tags objects. */
  scanMs?: number | undefined
}

/** Unknown values are omitted: 0 would let the fleet scale in. */
export function signalOf(metrics: ConsumerMetrics, stuckShards: number, ages: Ages): MetricValues {
  return {
    TimeToDrain: bounded(metrics.timeToDrainMs),
    BehindLatest: bounded(metrics.millisBehindLatest),
    RecordsPending: metrics.records.pending,
    LeasesHeld: metrics.leases.held,
    Paused: metrics.paused ? 1 : 0,
    StuckShards: stuckShards,
    OutboxAge: bounded(ages.outboxMs),
    NotificationAge: bounded(ages.notificationMs),
    ScanAge: bounded(ages.scanMs),
  }
}

function bounded(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.min(MAX_SECONDS, ms / 1_000)
}
