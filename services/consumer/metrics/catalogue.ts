import type { ConsumerMetrics, ShardStatus } from './metrics.ts'

/** The unit of a metric. Times are exported in seconds. */
export type Unit =
  | 'record'
  | 'lease'
  | 'shard'
  | 'request'
  | 'batch'
  | 'fault'
  | 'opening'
  | 'byte'
  | 'second'
  | 'state'

/** A metric as the exporters publish it. */
export interface MetricEntry<Source> {
  /** Words with `_` between them, without the prefix and the suffixes of an exporter. */
  readonly name: string
  /** A counter only grows while the consumer lives. */
  readonly kind: 'counter' | 'gauge'
  readonly unit: Unit
  readonly help: string
  /** Returns undefined while the value is unknown. Infinity means that a shard falls behind. */
  value(source: Source): number | undefined
}

type Row<Source> = readonly [
  name: string,
  kind: MetricEntry<Source>['kind'],
  unit: Unit,
  help: string,
  value: (source: Source) => number | undefined,
]

const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1_000)

const entriesOf = <Source>(rows: ReadonlyArray<Row<Source>>): ReadonlyArray<MetricEntry<Source>> =>
  rows.map(([name, kind, unit, help, value]) => ({ name, kind, unit, help, value }))

/** The metrics of a worker. */
export const WORKER_METRICS = entriesOf<ConsumerMetrics>([
  [
    'records_fetched',
    'counter',
    'record',
    'Records fetched. An aggregated record counts once.',
    m => m.records.fetched,
  ],
  ['records_handled', 'counter', 'record', 'Records that are done, without dead letters.', m => m.records.handled],
  ['record_retries', 'counter', 'record', 'Failed attempts of records, which are retried.', m => m.records.retries],
  ['records_dead_lettered', 'counter', 'record', 'Records stored as dead letters.', m => m.records.deadLetters],
  [
    'dead_letter_failures',
    'counter',
    'fault',
    'Dead letters that could not be stored at once.',
    m => m.deadLetterFailures,
  ],
  ['records_pending', 'gauge', 'record', 'Records that are fetched and not done.', m => m.records.pending],
  ['records_yielded', 'gauge', 'record', 'Records whose handler continues without a place.', m => m.yielded],
  ['batch_retries', 'counter', 'batch', 'Failed batches, which are retried.', m => m.batchRetries],
  ['fetched_data', 'counter', 'byte', 'Data of fetched records.', m => m.bytes.fetched],
  ['handled_data', 'counter', 'byte', 'Data of records that are done.', m => m.bytes.handled],
  ['buffered_data', 'gauge', 'byte', 'Records in memory.', m => m.bytes.buffered],
  ['buffered_data_limit', 'gauge', 'byte', 'Maximum of the records in memory.', m => m.bytes.maxBuffered],
  ['leases_held', 'gauge', 'lease', 'Leases that this worker holds.', m => m.leases.held],
  [
    'leases_unread',
    'gauge',
    'lease',
    'Leases that no worker takes because all have their maximum.',
    m => m.leases.unread,
  ],
  ['paused', 'gauge', 'state', '1 while this worker is paused, otherwise 0.', m => (m.paused ? 1 : 0)],
  ['leases_acquired', 'counter', 'lease', 'Leases that this worker took.', m => m.leases.acquired],
  [
    'leases_lost',
    'counter',
    'lease',
    'Leases that another worker took, that expired or were deleted.',
    m => m.leases.lost,
  ],
  ['leases_stolen', 'counter', 'lease', 'Lost leases that another worker took.', m => m.leases.stolen],
  ['shards_ended', 'counter', 'shard', 'Shards whose last record is done.', m => m.leases.ended],
  ['lease_table_reads', 'counter', 'request', 'Reads of the lease table.', m => m.leaseTable.reads],
  [
    'lease_table_writes',
    'counter',
    'request',
    'Writes of the lease table, also rejected ones.',
    m => m.leaseTable.writes,
  ],
  ['scan_age', 'gauge', 'second', 'Time since the last complete read of the lease table.', m => seconds(m.scanAgeMs)],
  [
    'reads_throttled',
    'counter',
    'request',
    'Reads that Kinesis throttled, usually because other applications poll the same shards.',
    m => m.readsThrottled,
  ],
  ['faults', 'counter', 'fault', 'Failed calls to Kinesis or DynamoDB, which are retried.', m => m.faults],
  [
    'breaker_openings',
    'counter',
    'opening',
    'Times that a failing dependency stopped all records.',
    m => m.breaker.openings,
  ],
  [
    'breaker_open',
    'gauge',
    'state',
    '1 while no record starts, otherwise 0.',
    m => (m.breaker.state === 'closed' ? 0 : 1),
  ],
  ['time_to_drain', 'gauge', 'second', 'Estimated time until all records are done.', m => seconds(m.timeToDrainMs)],
])

/**
 * Names a worker. The worker id is not a label of the other metrics, because each restart of a worker would begin a new
 * series of each of them.
 */
export const WORKER_INFO: MetricEntry<ConsumerMetrics> = {
  name: 'worker_info',
  kind: 'gauge',
  unit: 'state',
  help: 'The worker, whose id is a label. Always 1.',
  value: () => 1,
}

/** The metrics of each shard whose lease the worker holds. */
export const SHARD_METRICS = entriesOf<ShardStatus>([
  ['shard_records_pending', 'gauge', 'record', 'Records of the shard that are fetched and not done.', s => s.pending],
  ['shard_buffered_data', 'gauge', 'byte', 'Records of the shard in memory.', s => s.bufferedBytes],
  [
    'shard_behind',
    'gauge',
    'second',
    'Time between the last fetched record and the tip of the shard.',
    s => seconds(s.millisBehindLatest),
  ],
  ['shard_fetch_age', 'gauge', 'second', 'Time since the last reply of Kinesis.', s => seconds(s.fetchAgeMs)],
  [
    'shard_checkpoint_age',
    'gauge',
    'second',
    'Time since the checkpoint moved or the lease was taken.',
    s => seconds(s.checkpointAgeMs),
  ],
  [
    'shard_stalled',
    'gauge',
    'second',
    'Time for which records have waited without progress.',
    s => seconds(s.stalledMs),
  ],
  [
    'shard_time_to_drain',
    'gauge',
    'second',
    'Estimated time until all records of the shard are done.',
    s => seconds(s.timeToDrainMs),
  ],
])
