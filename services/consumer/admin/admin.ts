import { randomUUID } from 'node:crypto'
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { KinesisClient } from '@aws-sdk/client-kinesis'
import { type Clock, systemClock } from '../clock.ts'
import type { LeaseRowError } from '../errors.ts'
import { createSdkStream } from '../kinesis/sdk-stream.ts'
import { resolveStream } from '../kinesis/stream-ref.ts'
import { createDynamoDbLeaseStore } from '../leases/dynamodb-lease-store.ts'
import type { Lease } from '../leases/lease.ts'
import type { LeaseStore } from '../leases/lease-store.ts'
import { type LeaseTableOptions, resolveLeaseTable, tableName } from '../leases/lease-table-options.ts'
import { onlyKnown, sdkClient } from '../option-checks.ts'
import type { Pause } from '../pausing/pause-state.ts'
import { classifyReadError, type StreamReader } from '../stream.ts'
import { liveOwners } from './live-owners.ts'
import { type PauseOutcome, type PauseRequest, pausesIn, writePause } from './pause.ts'
import { apply, momentOf, plan, prepareApplication, type ReplayStart } from './replay.ts'
import { estimateReplay, type ReplayEstimate } from './replay-estimate.ts'
import type { ShardReplay } from './replay-plan.ts'
import { lagOf, type ShardLag } from './shard-lag.ts'
import { streamIdentifiersIn } from './stream-identifiers.ts'

/** Options of a `ConsumerAdmin`. */
export interface AdminOptions {
  /** Name of the application, and by default of its lease table. */
  applicationName: string
  /** Name of the stream, in the account of the credentials. Give exactly one of `streamName` and `streamArn`. */
  streamName?: string
  /** ARN of the stream, which may belong to another account. The KinesisClient must use the region of the ARN. */
  streamArn?: string
  /** Client of the AWS SDK that reads the stream. It is not destroyed. */
  kinesis: KinesisClient
  /** Client of the AWS SDK that reads and writes the lease table. It is not destroyed. */
  dynamodb: DynamoDBClient
  /** The lease table of the workers, if they have this option, and the settings with which `prepare` creates it. */
  leaseTable?: LeaseTableOptions
}

const NAMES: Record<keyof AdminOptions, true> = {
  applicationName: true,
  streamName: true,
  streamArn: true,
  kinesis: true,
  dynamodb: true,
  leaseTable: true,
}

const TABLE_NAMES = { applicationName: true, dynamodb: true, leaseTable: true } as const

/** The dependencies of the admin: lease table, stream and time. Tests replace them. */
export interface AdminPorts {
  /** The lease table. */
  store: LeaseStore
  /** The stream. */
  stream: StreamReader
  /** Monotonic time and waits. */
  clock: Clock
  /** Epoch milliseconds. */
  wallClock: () => number
}

/** The state of an application, see `ConsumerAdmin.status`. */
export interface ApplicationStatus {
  /** Every lease, sorted by shard id. */
  leases: readonly Lease[]
  /** Every pause that applies: that of the application first, then those of single workers. */
  pauses: readonly Pause[]
  /** The rows that are not in `leases`, because they are invalid. As long as there is one, no worker takes leases. */
  invalidRows: ReadonlyArray<{ leaseKey: string; problem: string }>
}

const REQUEST_TIMEOUT_MS = 10_000

const byShard = (a: Lease, b: Lease) => (a.leaseKey < b.leaseKey ? -1 : 1)

const THROTTLED_ATTEMPTS = 10
const THROTTLED_WAIT_MS = 500

/**
 * Inspects and repairs an application of KinesisConsumer or KCL from outside. It is not a worker: it takes no lease,
 * and reads only the records that a call needs.
 */
export class ConsumerAdmin {
  readonly #ports: AdminPorts

  /** @throws ConsumerOptionError naming the option, also an unknown one, the value and what was expected */
  constructor(options: AdminOptions, ports?: Partial<AdminPorts>) {
    const { applicationName, kinesis, dynamodb, leaseTable, ...named } = onlyKnown(undefined, options, NAMES)
    sdkClient('kinesis', kinesis, 'KinesisClient')
    sdkClient('dynamodb', dynamodb, 'DynamoDBClient')
    const stream = resolveStream(named)
    const table = resolveLeaseTable(leaseTable, tableName('applicationName', applicationName), stream)
    const given = {
      store: createDynamoDbLeaseStore({ dynamodb, table, requestTimeoutMs: REQUEST_TIMEOUT_MS }),
      stream: createSdkStream({ kinesis, ...stream, requestTimeoutMs: REQUEST_TIMEOUT_MS }),
      clock: systemClock,
      wallClock: () => Date.now(),
      ...ports,
    }
    this.#ports = { ...given, stream: retryThrottled(given.stream, given.clock) }
  }

  /**
   * Returns the identifiers of the streams that share a lease table, in the format of KCL; none if the table has the
   * leases of one stream. Pass one of them as `leaseTable.streamIdentifier`.
   *
   * @throws LeaseTableMissingError, ConsumerOptionError
   */
  static async streamIdentifiers(
    options: Pick<AdminOptions, 'applicationName' | 'dynamodb' | 'leaseTable'>,
  ): Promise<string[]> {
    const { applicationName, dynamodb, leaseTable } = onlyKnown(undefined, options, TABLE_NAMES)
    sdkClient('dynamodb', dynamodb, 'DynamoDBClient')
    const table = leaseTable?.name ?? tableName('applicationName', applicationName)
    return await streamIdentifiersIn(dynamodb, table)
  }

  /**
   * Returns every lease of the application, by a consistent read, sorted by shard id.
   *
   * @throws LeaseTableMissingError if the application has no table; LeaseTableError
   */
  async leases(): Promise<Lease[]> {
    const leases = await this.#ports.store.list({ consistent: true })
    return leases.sort(byShard)
  }

  /**
   * Returns every lease of the application, and the pauses that apply, by a consistent read. Unlike `leases`, it names
   * invalid rows instead of rejecting.
   *
   * @throws LeaseTableMissingError if the application has no table; LeaseTableError
   */
  async status(): Promise<ApplicationStatus> {
    const invalidRows: Array<{ leaseKey: string; problem: string }> = []
    const onInvalid = ({ leaseKey, message: problem }: LeaseRowError) => invalidRows.push({ leaseKey, problem })
    const leases = await this.#ports.store.list({ consistent: true, onInvalid })
    leases.sort(byShard)
    return { leases, pauses: pausesIn(leases), invalidRows }
  }

  /**
   * Pauses every worker of the application, or one worker. Each worker learns about the pause with its next scan of the
   * lease table, by default within about a second. It then fetches no records and starts no handler. Running handlers
   * end, fetched records wait in memory, and the worker keeps its leases and writes checkpoints. The pause survives
   * restarts of workers, and lasts until `resume`. Workers of KCL ignore it.
   *
   * A pause of a worker that holds no lease is written too, because the worker may take one later. `isWorkerKnown` is
   * false in the result.
   *
   * @throws PauseError if the application has no leases, or if `by` or `reason` is empty or too long;
   *   ConsumerOptionError if the request has an unknown name; LeaseTableMissingError if the application has no table
   */
  pause(request: PauseRequest): Promise<PauseOutcome> {
    return writePause(true, request, { ...this.#ports, createId: randomUUID })
  }

  /**
   * Ends the pause of the application, or that of one worker. A worker that was paused alone stays paused when the
   * application is resumed. If the application, or the worker, is not paused, nothing is written, and `wasPaused` is false
   * in the result.
   *
   * @throws PauseError, ConsumerOptionError, LeaseTableMissingError, as `pause`
   */
  resume(request: PauseRequest): Promise<PauseOutcome> {
    return writePause(false, request, { ...this.#ports, createId: randomUUID })
  }

  /**
   * Returns the ids of the shards whose leases have a live owner. Watches the table for at most one failover time, and
   * for less when every owner is known to be alive, or one if `all` is false.
   *
   * @param failoverMs the failover time of the workers
   */
  liveOwners(failoverMs: number, { all = true } = {}): Promise<Set<string>> {
    return liveOwners({ ...this.#ports, failoverMs, all })
  }

  /**
   * Plans a replay of all records since a given time. Writes nothing.
   *
   * @throws ReplayError; ConsumerOptionError if the start has an unknown name
   */
  planReplay(start: ReplayStart): Promise<ShardReplay[]> {
    return plan(start, this.#ports)
  }

  /**
   * Estimates, by shard id, how many records a planned replay delivers, from a few reads of each shard. Takes at most about
   * 15 seconds. A shard is missing if its plan changes nothing, or if its estimate is unknown.
   */
  estimateReplay(plans: readonly ShardReplay[]): Promise<Map<string, ReplayEstimate>> {
    return estimateReplay(plans, this.#ports)
  }

  /**
   * Applies the plan of one shard, see `apply`.
   *
   * @throws ReplayError
   */
  replay(planned: ShardReplay, at: Date): Promise<boolean> {
    return apply(planned, at, this.#ports)
  }

  /**
   * Creates this application, which must be new, so that its workers start at a given time.
   *
   * @throws ReplayError
   */
  prepare(at: Date): Promise<string[]> {
    return prepareApplication(at, this.#ports)
  }

  /**
   * Returns the time at which a replay must start to include a record.
   *
   * @throws ReplayError
   */
  momentOf(shardId: string, sequenceNumber: string): Promise<Date> {
    return momentOf(shardId, sequenceNumber, this.#ports)
  }

  /** Returns how far the shard of a lease is behind, see `lagOf`. */
  lagOf(lease: Lease): Promise<ShardLag> {
    return lagOf(lease, this.#ports)
  }
}

/** Wraps a stream so that throttled calls are retried for up to five seconds: the workers' reads have priority. */
export function retryThrottled(stream: StreamReader, clock: Clock): StreamReader {
  async function withRetries<T>(call: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await call()
      } catch (error) {
        if (attempt === THROTTLED_ATTEMPTS || classifyReadError(error) !== 'throttled') throw error
        await clock.sleep(THROTTLED_WAIT_MS)
      }
    }
  }
  return {
    isActive: signal => withRetries(() => stream.isActive(signal)),
    listShards: () => withRetries(() => stream.listShards()),
    getIterator: (...call) => withRetries(() => stream.getIterator(...call)),
    getRecords: (...call) => withRetries(() => stream.getRecords(...call)),
  }
}
