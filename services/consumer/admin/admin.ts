import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { KinesisClient } from '@aws-sdk/client-kinesis'
import { type Clock, systemClock } from '../clock.ts'
import { createSdkStream } from '../kinesis/sdk-stream.ts'
import { createDynamoDbLeaseStore } from '../leases/dynamodb-lease-store.ts'
import type { Lease } from '../leases/lease.ts'
import type { LeaseStore } from '../leases/lease-store.ts'
import type { StreamReader } from '../stream.ts'
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

/**
 * Looks after an application of KinesisConsumer, or of KCL, from outside: no worker, it takes no lease and reads no more of the
 * stream than it is asked about.
 */
export class ConsumerAdmin {
  readonly #ports: AdminPorts

  constructor({ applicationName: table, streamName, kinesis, dynamodb }: AdminOptions, ports?: Partial<AdminPorts>) {
    this.#ports = {
      store: createDynamoDbLeaseStore({ dynamodb, table, requestTimeoutMs: REQUEST_TIMEOUT_MS }),
      stream: createSdkStream({ kinesis, streamName, requestTimeoutMs: REQUEST_TIMEOUT_MS }),
      clock: systemClock,
      ...ports,
    }
  }

  /**
   * Every lease of the application, as the table has it now, in the order of the shards' ids.
   *
   * @throws ResourceNotFoundException of DynamoDB where the application has no table, LeaseTableError
   */
  async leases(): Promise<Lease[]> {
    const leases = await this.#ports.store.list({ consistent: true })
    return leases.sort((a, b) => (a.leaseKey < b.leaseKey ? -1 : 1))
  }

  /** How far the shard of a lease is done: see `lagOf`. */
  lagOf(lease: Lease): Promise<ShardLag> {
    return lagOf(lease, this.#ports)
  }
}
