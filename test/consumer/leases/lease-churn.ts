import { parseArgs } from 'node:util'
import { queryObjects } from 'node:v8'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KinesisClient } from '@aws-sdk/client-kinesis'
import { KinesisConsumer } from '../../../services/consumer/consumer.ts'
import type { Lease } from '../../../services/consumer/leases/lease.ts'
import type { BatchHandler, ConsumerRecord, RecordHandler } from '../../../services/consumer/record.ts'
import { ShardConsumer } from '../../../services/consumer/shard-consumer.ts'
import type { RecordsReply, StreamReader } from '../../../services/consumer/stream.ts'
import { fastClock } from '../fetching/support.ts'
import { ModelLeaseStore } from './support.ts'

const { values } = parseArgs({
  options: {
    /** Number of times that the worker gains a lease and loses it again. */
    leases: { type: 'string', default: '10000' },
    /** Handles records in batches, and reads the shards by enhanced fan-out. */
    pushed: { type: 'boolean', default: false },
  },
})

const SHARDS = 50
/** Number of times that objects are counted, at equal intervals. */
const SAMPLES = 5
const WORKER = 'worker'
const RIVAL = 'rival'
const STEP = 2n ** 128n / BigInt(SHARDS)

const clock = fastClock(20)
const store = new ModelLeaseStore()
let sequence = 10n ** 20n

/** Every reply has new records, so that handlers are always in flight when the lease is lost. */
function nextReply(shardId: string): RecordsReply {
  const records = Array.from({ length: 4 }, (_, key) => recordOf(shardId, `key-${key}`))
  return { records, nextIterator: 'next', millisBehindLatest: 0, childShards: [] }
}

function recordOf(shardId: string, partitionKey: string): ConsumerRecord {
  const sequenceNumber = String(++sequence)
  return { data: Buffer.alloc(16), partitionKey, sequenceNumber, subSequenceNumber: 0, shardId, arrivedAt: new Date() }
}

const stream: StreamReader = {
  isActive: async () => true,
  listShards: async () =>
    Array.from({ length: SHARDS }, (_, index) => ({
      shardId: `shardId-${index}`,
      parentShardIds: [],
      startingHashKey: String(STEP * BigInt(index)),
      endingHashKey: String(index === SHARDS - 1 ? 2n ** 128n - 1n : STEP * BigInt(index + 1) - 1n),
      startingSequenceNumber: '1',
      closed: false,
    })),
  getIterator: async () => 'first',
  async getRecords(shardId, _, __, { signal } = {}) {
    await clock.sleep(40, signal)
    signal?.throwIfAborted()
    return nextReply(shardId)
  },
  ...(values.pushed && {
    async *subscribe(shardId, _, signal) {
      for (;;) {
        await clock.sleep(100, signal)
        if (signal.aborted) return
        const { nextIterator: continuation, ...reply } = nextReply(shardId)
        yield { ...reply, continuation: reply.records.at(-1)?.sequenceNumber ?? continuation }
      }
    },
  }),
}

/** Sometimes fails because of a dependency, and sometimes ignores its signal. */
async function work(signal: AbortSignal): Promise<void> {
  const chance = Math.random()
  if (chance < 0.02) await new Promise(() => undefined)
  await clock.sleep(Math.random() * 200, signal)
  if (chance < 0.3) throw Object.assign(new Error('the dependency is down'), { name: 'ThrottlingException' })
}
const handler: RecordHandler = (_, { signal }) => work(signal)
const batchHandler: BatchHandler = (_, { signal }) => work(signal)

const unused = { region: 'none' }
const consumer = new KinesisConsumer(
  {
    ...{ applicationName: 'churn', streamName: 'churn', workerId: WORKER },
    ...{ kinesis: new KinesisClient(unused), dynamodb: new DynamoDBClient(unused) },
    ...(values.pushed ? { batchHandler, batch: { maxWaitMs: 50 }, concurrency: 4 } : { handler }),
    ...{ failoverMs: 2_000, scanIntervalMs: 100, idleIntervalMs: 200, drainTimeoutMs: 100 },
    breaker: { failures: 5, firstMs: 20, maxMs: 100 },
    logger: false,
  },
  { store, stream, clock },
)
let gained = 0
let lost = 0
consumer.events.on('leaseAcquired', () => void gained++).on('leaseLost', () => void lost++)

/** Takes half of the leases from the worker, requests the others, and then releases all of them. */
function strike(): void {
  store.writes.length = 0
  for (const [index, lease] of [...store.rows.values()].entries()) store.rows.set(lease.leaseKey, struck(lease, index))
}

function struck(lease: Lease, index: number): Lease {
  const { leaseCounter, leaseOwner, requestedBy } = lease
  if (leaseOwner === RIVAL) return { ...lease, leaseCounter: leaseCounter + 1, leaseOwner: undefined }
  if (leaseOwner === undefined) return { ...lease, requestedBy: undefined }
  if (index % 2 === 0) return { ...lease, leaseCounter: leaseCounter + 1, leaseOwner: RIVAL, session: undefined }
  return requestedBy === undefined ? { ...lease, requestedBy: RIVAL } : lease
}

/** What the process retains while the worker holds all shards. */
export interface Sample {
  /** Leases lost so far. */
  readonly lost: number
  readonly shardConsumers: number
  readonly signals: number
  /** Objects of any class. */
  readonly objects: number
}

async function sample(): Promise<Sample> {
  const count = (type: new () => unknown) => queryObjects(type, { format: 'count' })
  // Counting collects garbage. Objects freed by finalizers are collected by the next count.
  for (let round = 0; round < 3; round++) {
    count(Object)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  const shardConsumers = queryObjects(ShardConsumer, { format: 'count' })
  return { lost, shardConsumers, signals: count(AbortSignal), objects: count(Object) }
}

await consumer.start()
const samples: Sample[] = []
const each = Number(values.leases) / SAMPLES
while (samples.length < SAMPLES) {
  await clock.sleep(250)
  if (lost < each * (samples.length + 1)) strike()
  // Counted while all leases are held, so that the same objects are alive each time.
  else if (gained - lost === SHARDS) samples.push(await sample())
  else strike()
}
await consumer.stop()
process.stdout.write(`${JSON.stringify(samples)}\n`)
process.exit()
