import { Counter, Gauge, type Registry } from 'prom-client'
import type { ConsumerMetrics, KinesisConsumer, ShardStatus } from '../../consumer/index.ts'
import type { StuckShards } from '../health/stuck-shards.ts'

export interface ConsumerMetricsSettings {
  consumer: Pick<KinesisConsumer, 'metrics'>
  stuck: Pick<StuckShards, 'stalledMs'>
}

/** What the consumer counts of itself, read when somebody asks. */
export function registerConsumerMetrics(registry: Registry, { consumer, stuck }: ConsumerMetricsSettings): void {
  const registers = [registry]

  for (const [name, help, value] of COUNTERS) {
    new Counter({
      ...{ name, help, registers },
      collect() {
        this.reset()
        this.inc(value(consumer.metrics()))
      },
    })
  }
  for (const [name, help, value] of GAUGES) {
    new Gauge({
      ...{ name, help, registers },
      collect() {
        const now = value(consumer.metrics())
        // What is not known is left out: 0 would mean that there is nothing to do.
        if (now === undefined) this.remove()
        else this.set(now)
      },
    })
  }
  for (const [name, help, value] of SHARD_GAUGES) {
    new Gauge({
      ...{ name, help, registers, labelNames: ['shard'] },
      collect() {
        // Of a shard that has gone to another worker nothing stays.
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
  ['headgate_records_fetched_total', 'Records fetched, aggregated ones counted as one.', m => m.records.fetched],
  ['headgate_records_handled_total', 'Records whose handler came to its end well.', m => m.records.handled],
  ['headgate_record_retries_total', 'Tries of a record that failed.', m => m.records.retries],
  ['headgate_record_bytes_fetched_total', 'Bytes of the records fetched.', m => m.bytes.fetched],
  ['headgate_leases_acquired_total', 'Leases that this worker took.', m => m.leases.acquired],
  ['headgate_leases_lost_total', 'Leases that were taken away or ran out.', m => m.leases.lost],
  ['headgate_lease_table_reads_total', 'Reads of the lease table.', m => m.leaseTable.reads],
  ['headgate_lease_table_writes_total', 'Writes of the lease table, refused ones too.', m => m.leaseTable.writes],
  ['headgate_consumer_faults_total', 'Calls to Kinesis or DynamoDB that failed and were made again.', m => m.faults],
  [
    'headgate_breaker_openings_total',
    'How often all records were held back as a dependency failed.',
    m => m.breaker.openings,
  ],
]

const GAUGES: ReadonlyArray<Metric<(metrics: ConsumerMetrics) => number | undefined>> = [
  ['headgate_leases_held', 'Shards in the hands of this worker.', m => m.leases.held],
  ['headgate_records_pending', 'Records fetched and not done.', m => m.records.pending],
  ['headgate_record_bytes_buffered', 'Bytes of records in memory.', m => m.bytes.buffered],
  [
    'headgate_breaker_open',
    '1 while records are held back as a dependency fails.',
    m => (m.breaker.state === 'closed' ? 0 : 1),
  ],
  [
    'headgate_time_to_drain_seconds',
    'Until everything in the shards of this worker is done, estimated; +Inf where one falls behind.',
    m => seconds(m.timeToDrainMs),
  ],
]

const SHARD_GAUGES: ReadonlyArray<
  Metric<(shard: ShardStatus, stuck: Pick<StuckShards, 'stalledMs'>) => number | undefined>
> = [
  ['headgate_shard_records_pending', 'Records of the shard fetched and not done.', shard => shard.pending],
  [
    'headgate_shard_behind_seconds',
    'From the last record fetched to the tip of the shard.',
    shard => seconds(shard.millisBehindLatest),
  ],
  [
    'headgate_shard_checkpoint_age_seconds',
    'Since this worker moved the checkpoint, or took the lease.',
    shard => seconds(shard.checkpointAgeMs),
  ],
  [
    'headgate_shard_stalled_seconds',
    'For how long records have waited without the checkpoint moving.',
    (shard, stuck) => seconds(stuck.stalledMs(shard.shardId)),
  ],
  [
    'headgate_shard_time_to_drain_seconds',
    'Until everything in the shard is done, estimated; +Inf where it falls behind.',
    shard => seconds(shard.timeToDrainMs),
  ],
]
