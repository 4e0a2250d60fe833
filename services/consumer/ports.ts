import { randomUUID } from 'node:crypto'
import { type Clock, type Random, systemClock } from './clock.ts'
import { createSubscribe } from './kinesis/fan-out-stream.ts'
import { createKinesisStream } from './kinesis/kinesis-stream.ts'
import { createDynamoDbLeaseStore } from './leases/dynamodb-lease-store.ts'
import { sessionOf } from './leases/lease.ts'
import type { LeaseStore } from './leases/lease-store.ts'
import type { ConsumerEmitter } from './metrics/emitter.ts'
import type { ConsumerOptions, ResolvedOptions } from './options.ts'
import type { StreamReader } from './stream.ts'

/** The dependencies of the consumer: lease table, stream, time and randomness. Tests replace them. */
export interface ConsumerPorts {
  /** The lease table. */
  store: LeaseStore
  /** The stream. */
  stream: StreamReader
  /** Monotonic time and waits. */
  clock: Clock
  /** Epoch milliseconds. */
  wallClock: () => number
  /** Returns a number from 0 up to 1, as `Math.random` does. */
  random: Random
  /** Identifies this run of the worker, as `run@workerId`. Unique even if two processes have the same worker id. */
  session: string
}

/** A reply has up to 10 MiB. A call that takes longer than this has a dead connection. */
const READ_TIMEOUT_MS = 30_000

/** Creates the ports of production: DynamoDB, Kinesis and the clock of the system. */
export function systemPorts(
  { kinesis, dynamodb }: Pick<ConsumerOptions, 'kinesis' | 'dynamodb'>,
  options: ResolvedOptions,
  { events, workerId }: { events: ConsumerEmitter; workerId: string },
): ConsumerPorts {
  const { leaseTable: table, streamName, streamArn, failoverMs, fanOut } = options
  const stream = { kinesis, streamName, streamArn }
  return {
    store: createDynamoDbLeaseStore({ dynamodb, table, requestTimeoutMs: Math.ceil(failoverMs / 3) }),
    stream: {
      ...createKinesisStream({
        ...stream,
        requestTimeoutMs: READ_TIMEOUT_MS,
        onFallback: error => events.emit('fault', { operation: 'GetRecords in CBOR', shardId: undefined, error }),
      }),
      ...(fanOut && { subscribe: createSubscribe({ ...stream, fanOut, clock: systemClock }) }),
    },
    clock: systemClock,
    wallClock: () => Date.now(),
    random: Math.random,
    session: sessionOf(workerId, randomUUID()),
  }
}
