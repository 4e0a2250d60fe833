import type { ConsumerMetrics, KinesisConsumer } from '../../consumer/index.ts'
import type { Logger } from '../../platform/log.ts'
import type { StuckShards } from '../stuck-shards.ts'

export interface ScalingSignalSettings {
  /** The CloudWatch namespace. */
  namespace: string
  /** The one dimension: every worker of an application reports for itself, and the maximum over them is the fleet's. */
  application: string
  consumer: Pick<KinesisConsumer, 'metrics'>
  stuck: Pick<StuckShards, 'find'>
  log: Logger
  intervalMs?: number
}

/** What a shard that falls behind reports: CloudWatch takes no infinity, and an alarm needs a number. */
export const MOST_SECONDS = 86_400

/**
 * Logs what a fleet is scaled by, in CloudWatch's embedded metric format, which CloudWatch Logs makes metrics of without a
 * call of ours or a permission: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function startScalingSignal(settings: ScalingSignalSettings): { stop(): void } {
  const { consumer, stuck, intervalMs = 60_000 } = settings
  // It is no remark that a level may leave out.
  const log = settings.log.child({}, { level: 'info' })
  const tell = () => log.info(embedded(settings, consumer.metrics(), stuck.find().length, Date.now()), 'metrics')
  const timer = setInterval(tell, intervalMs).unref()
  return { stop: () => clearInterval(timer) }
}

/** The fields of one such line. What is not known yet is left out: 0 would let a fleet be scaled in. */
export function embedded(
  { namespace, application }: Pick<ScalingSignalSettings, 'namespace' | 'application'>,
  metrics: ConsumerMetrics,
  stuckShards: number,
  timestamp: number,
): Record<string, unknown> {
  const values: Array<[name: string, unit: string, value: number | undefined]> = [
    ['TimeToDrain', 'Seconds', bounded(metrics.timeToDrainMs)],
    ['BehindLatest', 'Seconds', bounded(metrics.millisBehindLatest)],
    ['RecordsPending', 'Count', metrics.records.pending],
    ['LeasesHeld', 'Count', metrics.leases.held],
    ['StuckShards', 'Count', stuckShards],
  ]
  const known = values.filter(([, , value]) => value !== undefined)
  return {
    _aws: {
      Timestamp: timestamp,
      CloudWatchMetrics: [
        {
          Namespace: namespace,
          Dimensions: [['Application']],
          Metrics: known.map(([Name, Unit]) => ({ Name, Unit })),
        },
      ],
    },
    Application: application,
    ...Object.fromEntries(known.map(([name, , value]) => [name, value])),
  }
}

function bounded(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.min(MOST_SECONDS, ms / 1_000)
}
