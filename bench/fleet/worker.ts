import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KinesisClient } from '@aws-sdk/client-kinesis'
import { KinesisConsumer } from '../../services/consumer/consumer.ts'
import { sessionOf } from '../../services/consumer/leases/lease.ts'
import type { LeaseStore } from '../../services/consumer/leases/lease-store.ts'
import type { Shard } from '../../services/consumer/shards/shard.ts'
import type { StreamReader } from '../../services/consumer/stream.ts'
import { WorkerProcess } from '../../test/simulation/worker-process.ts'
import type { FleetWorld } from './world.ts'

/** Required options. They are not called, because the ports belong to the world. */
const UNUSED = { region: 'fleet' }
const kinesis = new KinesisClient(UNUSED)
const dynamodb = new DynamoDBClient(UNUSED)

/** Latency of a call to DynamoDB in milliseconds, and what each row adds to a scan. */
const LATENCY_MS = [4, 12] as const
const SCAN_ROW_MS = 0.1
const STREAM_LATENCY_MS = [10, 30] as const

/** The stream has no records, so its polls need not take part. The maximum of the option. */
const IDLE_INTERVAL_MS = 60_000

const HASH_SPACE = 2n ** 128n
const EPOCH = Date.UTC(2026, 0, 1)

/** One worker of a fleet: the real consumer with default options, in a process of the world. */
export class FleetWorker {
  /** As long as the default, so that the rows have the size of real ones. */
  readonly workerId: string
  readonly process: WorkerProcess
  readonly consumer: KinesisConsumer

  constructor(world: FleetWorld, run: number) {
    const number = String(run).padStart(3, '0')
    this.workerId = `ip-10-0-12-${number}.eu-central-1.compute.internal:1:0d2ba7b4-6bbd-4c0b-9c11-6c3a7e8f0${number}`
    this.process = new WorkerProcess(`w${run}`, world.time, world.streams)
    this.consumer = new KinesisConsumer(
      {
        ...{ applicationName: 'fleet', streamName: 'fleet', kinesis, dynamodb, workerId: this.workerId },
        handler: async () => undefined,
        idleIntervalMs: IDLE_INTERVAL_MS,
        logger: false,
      },
      {
        store: storeOf(world, this.process),
        stream: streamOf(world, this.process),
        clock: this.process,
        wallClock: () => EPOCH + Math.floor(world.time.now),
        random: world.random.next,
        session: sessionOf(this.workerId, `${number}c1d5e-2a4b-4f0e-8a53-1b7c9d2e4${number}`),
      },
    )
  }
}

/** The lease table as seen by a worker. A call takes effect halfway through its latency. */
function storeOf(world: FleetWorld, process: WorkerProcess): LeaseStore {
  const { table, random, time } = world
  const call = <T>(effect: () => T, furtherMs: (result: T) => number = () => 0): Promise<T> => {
    const latencyMs = random.between(...LATENCY_MS)
    return new Promise(resolve => {
      if (!process.alive) return
      time.at(time.now + latencyMs / 2, () => {
        const result = effect()
        process.deliver(time.now + latencyMs / 2 + furtherMs(result), () => resolve(result))
      })
    })
  }
  const write = <T>(effect: () => T) =>
    call(() => {
      const written = effect()
      world.wrote(!written)
      return written
    })
  const from = () => ({ writer: process.name, sentAt: time.now })
  return {
    ensureTable: async () => undefined,
    list: ({ consistent } = { consistent: false }) =>
      call(
        () => {
          const leases = table.all()
          world.read(leases, consistent)
          return leases
        },
        leases => leases.length * SCAN_ROW_MS,
      ),
    get: leaseKey =>
      call(() => {
        const lease = table.get(leaseKey)
        world.read(lease ? [lease] : [], true)
        return lease
      }),
    create: lease => write(() => table.create(lease, from())),
    swap: async (previous, next) => {
      const row = () => (table.swap(previous, next, from()) ? table.get(next.leaseKey) : undefined)
      return await write(row)
    },
    delete: lease => write(() => table.remove(lease, process.name)),
  }
}

function shardsOf(count: number): Shard[] {
  const size = HASH_SPACE / BigInt(count)
  return Array.from({ length: count }, (_, index) => {
    const from = size * BigInt(index)
    return {
      shardId: `shardId-${String(index).padStart(12, '0')}`,
      parentShardIds: [],
      startingHashKey: String(from),
      endingHashKey: String(index === count - 1 ? HASH_SPACE - 1n : from + size - 1n),
      startingSequenceNumber: `495903384900${String(index).padStart(44, '0')}`,
      closed: false,
    }
  })
}

/** A stream without records. */
function streamOf(world: FleetWorld, process: WorkerProcess): StreamReader {
  const shards = shardsOf(world.shards)
  const call = async <T>(result: T, signal?: AbortSignal): Promise<T> => {
    await process.sleep(world.random.between(...STREAM_LATENCY_MS), signal)
    signal?.throwIfAborted()
    return result
  }
  return {
    isActive: () => call(true),
    listShards: () => call(shards),
    getIterator: shardId => call(shardId),
    getRecords: (shardId, _iterator, _limit, { signal } = {}) =>
      call({ records: [], nextIterator: shardId, millisBehindLatest: 0, childShards: [] }, signal),
  }
}
