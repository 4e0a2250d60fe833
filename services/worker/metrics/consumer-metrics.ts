import { Counter, Gauge, type Registry } from 'prom-client'
import type { ConsumerMetrics, KinesisConsumer, ShardStatus } from '../../consumer/index.ts'
import type { StuckShards } from '../health/stuck-shards.ts'
import type { Notifications } from '../notifications/open.ts'
import type { NotificationRelay } from '../notifications/relay.ts'
import type { OutboxRelay } from '../outbox/relay.ts'
import type { ScanRelay } from '../scanning/relay.ts'

export interface ConsumerMetricsSettings {
  consumer: Pick<KinesisConsumer, 'metrics'>
  stuck: Pick<StuckShards, 'stalledMs'>
  relay: Pick<OutboxRelay, 'oldestMs'>
  /** Undefined if there are no destinations. */
  notificationRelay?: Pick<NotificationRelay, 'oldestMs'> | undefined
  /** Undefined unless the scanner tags objects. */
  scanRelay?: Pick<ScanRelay, 'oldestMs'> | undefined
  /** Undefined if there are no destinations. */
  notifications?: Pick<Notifications, 'heldBack'> | undefined
}

/** Registers the metrics of the consumer and of the outbox relay. They are read when /metrics is requested. */
export function registerConsumerMetrics(registry: Registry, settings: ConsumerMetricsSettings): void {
  const { consumer, stuck, relay, notificationRelay, scanRelay, notifications } = settings
  const registers = [registry]

  for (const [name, help, value] of COUNTERS) {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(value(consumer.metrics()))
      },
    })
  }
  for (const [name, help, value] of GAUGES) {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        const now = value(consumer.metrics())
        // An unknown value is omitted: 0 would mean that there is nothing to do.
        if (now === undefined) this.remove()
        else this.set(now)
      },
    })
  }
  // The worker id is not a label of the other metrics, because each restart would begin new series of all of them.
  new Gauge({
    name: 'headgate_worker_info',
    help: 'The worker, whose id is a label. Always 1.',
    registers,
    labelNames: ['worker'],
    collect() {
      this.set({ worker: consumer.metrics().workerId }, 1)
    },
  })
  const ages: ReadonlyArray<readonly [name: string, help: string, of: { oldestMs(): number | undefined } | undefined]> =
    [
      [
        'headgate_outbox_age_seconds',
        'Age of the oldest event that could not be published. 0 if no event waits.',
        relay,
      ],
      [
        'headgate_notification_age_seconds',
        'Time for which the notification that waits longest has been due. 0 if none waits.',
        notificationRelay,
      ],
      [
        'headgate_scan_age_seconds',
        'Age of the oldest upload that waits for the verdict of GuardDuty. 0 if none waits.',
        scanRelay,
      ],
    ]
  for (const [name, help, of] of ages) {
    if (!of) continue
    new Gauge({
      name,
      help,
      registers,
      collect() {
        const age = seconds(of.oldestMs())
        if (age === undefined) this.remove()
        else this.set(age)
      },
    })
  }
  if (notifications) {
    new Gauge({
      name: 'headgate_notifications_held_back',
      help: '1 while no notification is sent to the destination, because it accepts none or asked for a wait.',
      registers,
      labelNames: ['destination'],
      collect() {
        for (const [destination, isHeldBack] of notifications.heldBack()) this.set({ destination }, isHeldBack ? 1 : 0)
      },
    })
  }
  for (const [name, help, value] of SHARD_GAUGES) {
    new Gauge({
      name,
      help,
      registers,
      labelNames: ['shard'],
      collect() {
        // A shard that another worker has taken must not keep its last values.
        this.reset()
        for (const shard of consumer.metrics().shards) {
          const now = value(shard, stuck)
          if (now !== undefined) this.set({ shard: shard.shardId }, now)
        }
      },
    })
  }
}

type Metric<Value> = readonly [name: string, help: string, value: Value]

const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1_000)

const COUNTERS: ReadonlyArray<Metric<(metrics: ConsumerMetrics) => number>> = [
  ['headgate_records_fetched_total', 'Records fetched. An aggregated record counts once.', m => m.records.fetched],
  ['headgate_records_handled_total', 'Records whose handler succeeded.', m => m.records.handled],
  ['headgate_record_retries_total', 'Failed attempts of records, which are retried.', m => m.records.retries],
  ['headgate_record_bytes_fetched_total', 'Bytes of fetched records.', m => m.bytes.fetched],
  ['headgate_leases_acquired_total', 'Leases that this worker acquired.', m => m.leases.acquired],
  ['headgate_leases_lost_total', 'Leases that another worker took or that expired.', m => m.leases.lost],
  ['headgate_lease_table_reads_total', 'Reads of the lease table.', m => m.leaseTable.reads],
  ['headgate_lease_table_writes_total', 'Writes of the lease table, including refused ones.', m => m.leaseTable.writes],
  [
    'headgate_reads_throttled_total',
    'Reads that Kinesis throttled, usually because other applications poll the same shards.',
    m => m.readsThrottled,
  ],
  ['headgate_consumer_faults_total', 'Calls to Kinesis or DynamoDB that failed and were retried.', m => m.faults],
  [
    'headgate_breaker_openings_total',
    'Times that all records were held back because a dependency failed.',
    m => m.breaker.openings,
  ],
]

const GAUGES: ReadonlyArray<Metric<(metrics: ConsumerMetrics) => number | undefined>> = [
  ['headgate_leases_held', 'Leases that this worker holds.', m => m.leases.held],
  [
    'headgate_leases_unread',
    'Leases that no worker takes, because every worker has its maximum number of leases.',
    m => m.leases.unread,
  ],
  ['headgate_paused', '1 while this worker is paused.', m => (m.paused ? 1 : 0)],
  ['headgate_records_pending', 'Records that are fetched and not done.', m => m.records.pending],
  ['headgate_record_bytes_buffered', 'Bytes of records in memory.', m => m.bytes.buffered],
  ['headgate_record_bytes_buffered_limit', 'Maximum bytes of records in memory.', m => m.bytes.maxBuffered],
  [
    'headgate_breaker_open',
    '1 while records are held back because a dependency fails.',
    m => (m.breaker.state === 'closed' ? 0 : 1),
  ],
  [
    'headgate_time_to_drain_seconds',
    'Estimated time until all records in the shards of this worker are done. +Inf if a shard falls behind.',
    m => seconds(m.timeToDrainMs),
  ],
]

const SHARD_GAUGES: ReadonlyArray<
  Metric<(shard: ShardStatus, stuck: Pick<StuckShards, 'stalledMs'>) => number | undefined>
> = [
  ['headgate_shard_records_pending', 'Records of the shard that are fetched and not done.', shard => shard.pending],
  [
    'headgate_shard_behind_seconds',
    'Time between the last fetched record and the tip of the shard. Grows with the time while the worker is paused.',
    shard => seconds(shard.millisBehindLatest),
  ],
  [
    'headgate_shard_checkpoint_age_seconds',
    'Time since this worker advanced the checkpoint or acquired the lease.',
    shard => seconds(shard.checkpointAgeMs),
  ],
  [
    'headgate_shard_stalled_seconds',
    'Time for which records have waited while the checkpoint did not advance.',
    (shard, stuck) => seconds(stuck.stalledMs(shard.shardId)),
  ],
  [
    'headgate_shard_time_to_drain_seconds',
    'Estimated time until all records in the shard are done. +Inf if the shard falls behind.',
    shard => seconds(shard.timeToDrainMs),
  ],
]
