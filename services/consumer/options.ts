import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { KinesisClient } from '@aws-sdk/client-kinesis'
import { MEMORY_BOUNDS, MemoryBudget } from './fetching/byte-budget.ts'
import { type FanOut, resolveFanOut } from './kinesis/fan-out-options.ts'
import { resolveStream, type StreamRef } from './kinesis/stream-ref.ts'
import {
  type LeaseTableOptions,
  type ResolvedLeaseTable,
  resolveLeaseTable,
  tableName,
} from './leases/lease-table-options.ts'
import { type ConsumerLogger, createStderrLogger } from './metrics/event-log.ts'
import { type Bounds, boundedNumber, onlyKnown, sdkClient, wrong } from './option-checks.ts'
import {
  PROCESSING_NAMES,
  type ProcessingOptions,
  type ResolvedProcessing,
  resolveProcessing,
} from './processing/processing-options.ts'
import type { InitialPosition } from './shards/initial-position.ts'

/** Options of a `KinesisConsumer`. `T` is the type of the value that `decode` returns. */
export interface ConsumerOptions<T = undefined> extends ProcessingOptions<T> {
  /** Name of the application, and by default of its lease table. Workers with the same name share the stream. */
  applicationName: string
  /** Name of the stream, in the account of the credentials. Give exactly one of `streamName` and `streamArn`. */
  streamName?: string
  /** ARN of the stream, which may belong to another account. The KinesisClient must use the region of the ARN. */
  streamArn?: string
  /** Client of the AWS SDK that reads the stream. It is not destroyed. */
  kinesis: KinesisClient
  /** Client of the AWS SDK that reads and writes the lease table. It is not destroyed. */
  dynamodb: DynamoDBClient
  /**
   * Identifies this worker. If two processes have the same id, the second one stops with the event `failed`. By default
   * made from the host name, the process id and a UUID.
   */
  workerId?: string
  /** Name and settings of the lease table. By default it has the name of the application. */
  leaseTable?: LeaseTableOptions
  /** Where an application without leases starts. Ignored once the lease table has leases. Default `TRIM_HORIZON`. */
  initialPosition?: InitialPosition
  /** Milliseconds without a renewal after which other workers may take a lease. 1,000 to 300,000, default 10,000. */
  failoverMs?: number
  /**
   * Milliseconds between two scans of the lease table, if it has up to 16 rows or leases move. A larger table is scanned
   * less often while nothing changes. 100 to 60,000, default a fifth of `failoverMs`, at most 1,000.
   */
  scanIntervalMs?: number
  /**
   * Maximum number of leases that this worker holds. While all workers are at their maximum and shards are left, the
   * event `shardsUnread` reports them. 1 to 100,000, by default unlimited.
   */
  maxLeases?: number
  /** Milliseconds between two calls of ListShards. 1,000 to 3,600,000, default 60,000. */
  shardSyncIntervalMs?: number
  /**
   * Maximum bytes of records in memory, over all shards. 1 MiB to 16 GiB, default 64 MiB. A MemoryBudget is shared by
   * all consumers that have it.
   */
  maxBufferedBytes?: number | MemoryBudget
  /** Maximum number of records that one call of GetRecords returns. 1 to 10,000, default 10,000. */
  recordsPerFetch?: number
  /** Milliseconds between two polls of a shard that has no new records. 200 to 60,000, default 250. */
  idleIntervalMs?: number
  /**
   * Reads by enhanced fan-out instead of polling: Kinesis pushes the records of each shard, with 2 MiB a second that no
   * other application uses. Names a registered consumer by its ARN, or a consumer by its name, which is registered if
   * it does not exist. On AWS, the KinesisClient must use HTTP/2.
   */
  fanOut?: FanOut
  /** Maximum milliseconds that `stop` waits for running handlers. 0 to 900,000, default 20,000. */
  drainTimeoutMs?: number
  /**
   * Receives what happens and what goes wrong as log lines, such as a logger of pino. Faults are written once per kind and
   * minute. By default, warnings and errors are written to stderr. `false` turns all lines off.
   */
  logger?: ConsumerLogger | false
}

type OwnOptions = Omit<
  ConsumerOptions,
  | 'streamName'
  | 'streamArn'
  | 'kinesis'
  | 'dynamodb'
  | 'workerId'
  | 'leaseTable'
  | 'maxBufferedBytes'
  | 'fanOut'
  | keyof ProcessingOptions
>

export type ResolvedOptions = Readonly<
  Required<OwnOptions> &
    StreamRef & {
      budget: MemoryBudget
      leaseTable: ResolvedLeaseTable
      processing: ResolvedProcessing
      fanOut: FanOut | undefined
    }
>

/** A dead worker must be noticed within half a failover time after its leases have expired. */
const SCANS_PER_FAILOVER = 5
const MAX_SCAN_INTERVAL_MS = 1_000

/** The minimum, maximum and default of each number. */
const BOUNDS = {
  failoverMs: [1_000, 300_000, 10_000],
  scanIntervalMs: [100, 60_000, MAX_SCAN_INTERVAL_MS],
  shardSyncIntervalMs: [1_000, 3_600_000, 60_000],
  maxBufferedBytes: MEMORY_BOUNDS,
  maxLeases: [1, 100_000, Number.POSITIVE_INFINITY],
  recordsPerFetch: [1, 10_000, 10_000],
  idleIntervalMs: [200, 60_000, 250],
  drainTimeoutMs: [0, 900_000, 20_000],
} as const satisfies Record<string, Bounds>

type NumberOption = keyof typeof BOUNDS

const NAMES: Record<keyof ConsumerOptions, true> = {
  applicationName: true,
  streamName: true,
  streamArn: true,
  kinesis: true,
  dynamodb: true,
  workerId: true,
  leaseTable: true,
  initialPosition: true,
  failoverMs: true,
  scanIntervalMs: true,
  maxLeases: true,
  shardSyncIntervalMs: true,
  maxBufferedBytes: true,
  recordsPerFetch: true,
  idleIntervalMs: true,
  fanOut: true,
  drainTimeoutMs: true,
  logger: true,
  ...PROCESSING_NAMES,
}

/**
 * Validates the options and fills in the defaults.
 *
 * @throws ConsumerOptionError naming the option, the value and what was expected
 */
export function resolveOptions<T>(given: ConsumerOptions<T>): ResolvedOptions {
  const options = onlyKnown(undefined, given, NAMES)
  sdkClient('kinesis', options.kinesis, 'KinesisClient')
  sdkClient('dynamodb', options.dynamodb, 'DynamoDBClient')
  workerId(options.workerId)
  const number = (name: NumberOption) => boundedNumber(name, options[name], BOUNDS[name])
  const failoverMs = number('failoverMs')
  const stream = resolveStream(options)
  const applicationName = tableName('applicationName', options.applicationName)
  return Object.freeze({
    applicationName,
    leaseTable: resolveLeaseTable(options.leaseTable, applicationName, stream),
    ...stream,
    initialPosition: position(options.initialPosition === undefined ? 'TRIM_HORIZON' : options.initialPosition),
    failoverMs,
    scanIntervalMs:
      options.scanIntervalMs === undefined
        ? Math.min(MAX_SCAN_INTERVAL_MS, failoverMs / SCANS_PER_FAILOVER)
        : number('scanIntervalMs'),
    maxLeases: number('maxLeases'),
    shardSyncIntervalMs: number('shardSyncIntervalMs'),
    budget:
      options.maxBufferedBytes instanceof MemoryBudget
        ? options.maxBufferedBytes
        : new MemoryBudget(number('maxBufferedBytes')),
    recordsPerFetch: number('recordsPerFetch'),
    idleIntervalMs: number('idleIntervalMs'),
    drainTimeoutMs: number('drainTimeoutMs'),
    fanOut: options.fanOut === undefined ? undefined : resolveFanOut(options.fanOut, stream),
    logger: options.logger === undefined ? createStderrLogger() : logger(options.logger),
    processing: resolveProcessing(options),
  })
}

const LOGGER_METHODS = ['debug', 'info', 'warn', 'error'] as const

function logger(value: ConsumerLogger | false): ConsumerLogger | false {
  const hasMethods = (given: object) => LOGGER_METHODS.every(name => typeof Reflect.get(given, name) === 'function')
  if (value === false || (typeof value === 'object' && value !== null && hasMethods(value))) return value
  throw wrong('logger', value, `false, or an object with the methods ${LOGGER_METHODS.join(', ')}`)
}

function workerId(value: unknown): void {
  if (value === undefined || (typeof value === 'string' && value.length > 0 && value.length <= 255)) return
  throw wrong('workerId', value, 'a string of 1 to 255 characters, or omitted')
}

function position(value: InitialPosition): InitialPosition {
  if (value === 'TRIM_HORIZON' || value === 'LATEST') return value
  if (value?.timestamp instanceof Date && !Number.isNaN(value.timestamp.getTime())) return value
  throw wrong('initialPosition', value, "'TRIM_HORIZON', 'LATEST' or { timestamp: Date }")
}
