import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { KinesisClient } from '@aws-sdk/client-kinesis'
import { type Clock, systemClock } from '../clock.ts'
import { createSdkStream } from '../kinesis/sdk-stream.ts'
import { createDynamoDbLeaseStore } from '../leases/dynamodb-lease-store.ts'
import type { Lease } from '../leases/lease.ts'
import type { LeaseStore } from '../leases/lease-store.ts'
import { classifyReadError, type StreamReader } from '../stream.ts'
import { liveOwners } from './live-owners.ts'
import { apply, momentOf, plan, prepareApplication, type ReplayStart } from './replay.ts'
import type { ShardReplay } from './replay-plan.ts'
import { lagOf, type ShardLag } from './shard-lag.ts'

export interface AdminOptions {
  /** The application: the name of its lease table. */
  applicationName: string
  streamName: string
  kinesis: KinesisClient
  dynamodb: DynamoDBClient
}

/** What the admin reaches the world through. */
export interface AdminPorts {
  store: LeaseStore
  stream: StreamReader
  clock: Clock
}

const REQUEST_TIMEOUT_MS = 10_000

const THROTTLED_ATTEMPTS = 10
const THROTTLED_WAIT_MS = 500

/**
 * Looks after an application of KinesisConsumer, or of KCL, from outside: no worker, it takes no lease and reads no more of the
 * stream than it is asked about.
 */
export class ConsumerAdmin {
  readonly #ports: AdminPorts

  constructor({ applicationName: table, streamName, kinesis, dynamodb }: AdminOptions, ports?: Partial<AdminPorts>) {
    const given = {
      store: createDynamoDbLeaseStore({ dynamodb, table, requestTimeoutMs: REQUEST_TIMEOUT_MS }),
      stream: createSdkStream({ kinesis, streamName, requestTimeoutMs: REQUEST_TIMEOUT_MS }),
      clock: systemClock,
      ...ports,
    }
    this.#ports = { ...given, stream: retryThrottled(given.stream, given.clock) }
  }

  /**
   * Every lease of the application, as the table has it now, in the order of the shards' ids.
   *
   * @throws LeaseTableMissingError where the application has no table, LeaseTableError
   */
  async leases(): Promise<Lease[]> {
    const leases = await this.#ports.store.list({ consistent: true })
    return leases.sort((a, b) => (a.leaseKey < b.leaseKey ? -1 : 1))
  }

  /**
   * The shards whose leases are in the hands of a worker that is alive. Watches for a failover time at most; less where all are, or
   * where one is enough.
   *
   * @param failoverMs the workers' own
   */
  liveOwners(failoverMs: number, { all = true } = {}): Promise<Set<string>> {
    return liveOwners({ ...this.#ports, failoverMs, all })
  }

  /** What it would take to handle again all that came since a moment. Writes nothing. @throws ReplayError */
  planReplay(start: ReplayStart): Promise<ShardReplay[]> {
    return plan(start, this.#ports)
  }

  /** Does to one shard what was planned: see `apply`. @throws ReplayError */
  replay(planned: ShardReplay, at: Date): Promise<boolean> {
    return apply(planned, at, this.#ports)
  }

  /** Makes this application, which must be new, such that its workers start at a moment. @throws ReplayError */
  prepare(at: Date): Promise<string[]> {
    return prepareApplication(at, this.#ports)
  }

  /** The moment from which on a record comes again. @throws ReplayError */
  momentOf(shardId: string, sequenceNumber: string): Promise<Date> {
    return momentOf(shardId, sequenceNumber, this.#ports)
  }

  /** How far the shard of a lease is done: see `lagOf`. */
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
    listShards: () => withRetries(() => stream.listShards()),
    getIterator: (...call) => withRetries(() => stream.getIterator(...call)),
    getRecords: (...call) => withRetries(() => stream.getRecords(...call)),
  }
}
