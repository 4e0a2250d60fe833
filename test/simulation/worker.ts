import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KinesisClient } from '@aws-sdk/client-kinesis'
import { KinesisConsumer } from '../../services/consumer/consumer.ts'
import type { RecordHandler } from '../../services/consumer/record.ts'
import { Buffers } from './buffers.ts'
import { wrongBy } from './faults.ts'
import { leaseStoreOf, streamReaderOf } from './ports.ts'
import { never, WorkerProcess } from './worker-process.ts'
import type { World } from './world.ts'

/** Options that must be given; no call goes through them, as the ports are the world's. */
const UNUSED = { region: 'simulation' }
const kinesis = new KinesisClient(UNUSED)
const dynamodb = new DynamoDBClient(UNUSED)

/** The least that the option takes. */
export const BUDGET_BYTES = 1024 ** 2

/** One run of a worker: the real consumer, in a process of the world. */
export class Worker {
  readonly workerId: string
  readonly process: WorkerProcess
  readonly consumer: KinesisConsumer
  stopping = false
  /** By how much its wall clock is wrong. */
  clockErrorMs = 0
  readonly #world: World
  readonly #buffers = new Buffers()
  /** Shards whose next GetRecords belongs to the same fetch as the GetShardIterator before it. */
  readonly #begun = new Set<string>()

  constructor(workerId: string, run: number, world: World) {
    const { time, random, scenario } = world
    this.workerId = workerId
    this.#world = world
    this.process = new WorkerProcess(`${workerId}.${run}`, time, random)
    if (random.chance(scenario.wrongClocks)) this.clockErrorMs = wrongBy(random)
    const { process } = this
    const stream = streamReaderOf(process, world, {
      fetchStarts: (shardId, what) => this.#fetchStarts(shardId, what),
      received: (shardId, { records }) => {
        this.#buffers.received(shardId, records, world.invariants.takenFrom(this.name, shardId))
      },
    })
    const { initialPosition, startsAtMs } = scenario
    const position =
      initialPosition === 'timestamp' ? { timestamp: new Date(world.wallClock(startsAtMs)) } : initialPosition
    this.consumer = new KinesisConsumer(
      {
        ...{ applicationName: 'simulation', streamName: 'simulation', kinesis, dynamodb, workerId },
        handler: this.#handler,
        initialPosition: position,
        failoverMs: scenario.failoverMs,
        scanIntervalMs: scenario.scanIntervalMs,
        shardSyncIntervalMs: scenario.shardSyncIntervalMs,
        concurrency: scenario.concurrency,
        maxBufferedBytes: BUDGET_BYTES,
        recordsPerFetch: scenario.recordsPerFetch,
        idleIntervalMs: scenario.idleIntervalMs,
        drainTimeoutMs: scenario.drainTimeoutMs,
        retry: { firstMs: 50, mostMs: 1_000 },
      },
      {
        store: leaseStoreOf(process, world),
        stream,
        clock: process,
        wallClock: () => world.wallClock(process.here) + this.clockErrorMs,
        random: random.next,
        session: `${random.integer(0, 2 ** 30)} of ${this.name}`,
      },
    )
    this.#listen()
  }

  get name(): string {
    return this.process.name
  }

  get alive(): boolean {
    return this.process.alive
  }

  async start(): Promise<void> {
    try {
      await this.consumer.start()
    } catch (error) {
      // The table cannot be reached: as in production, the process ends, and is started again.
      this.#world.trace.add(`${this.name} cannot start: ${error}`)
      this.#world.replace(this)
    }
  }

  async stop(): Promise<void> {
    this.stopping = true
    await this.consumer.stop()
    this.#world.trace.add(`${this.name} has stopped`)
    this.process.kill()
  }

  /** The consumer has given up: as in production the process ends once it has stopped. Its operator gives it another name. */
  async #end(): Promise<void> {
    await this.stop()
    this.#world.join()
  }

  #listen(): void {
    const { trace, invariants } = this.#world
    const tell = (event: string, shardId: string | undefined, more = '') => {
      if (this.alive) trace.add(`${this.name} ${event} ${shardId ?? ''} ${more}`)
    }
    this.consumer.events
      .on('leaseAcquired', ({ shardId, from, checkpoint }) => {
        this.#buffers.opened(shardId)
        invariants.acquired(this.name, shardId, checkpoint)
        tell('acquires', shardId, `from ${from}`)
      })
      .on('leaseLost', ({ shardId, reason }) => {
        this.#buffers.closed(shardId)
        tell('loses', shardId, reason)
        if (this.alive) invariants.leaseLost(this.name, shardId, reason)
      })
      .on('shardEnded', ({ shardId }) => tell('ended', shardId))
      .on('recordFailed', ({ shardId, sequenceNumber }) => tell('failed', shardId, sequenceNumber.slice(-4)))
      .on('failed', ({ error }) => {
        tell('fails', undefined, error.message)
        if (this.alive) void this.#end()
      })
      .on('fault', ({ operation, shardId, error }) => tell('faults', shardId, `${operation}: ${error}`))
  }

  #fetchStarts(shardId: string, what: 'iterator' | 'records'): void {
    if (!this.alive) return
    const isNew = what === 'iterator' || !this.#begun.delete(shardId)
    if (what === 'iterator') this.#begun.add(shardId)
    const limit = BUDGET_BYTES + this.#buffers.repliesBut(shardId)
    if (!isNew || this.#buffers.bytes < limit) return
    this.#world.violated('9', `${this.name} fetches ${shardId} with ${this.#buffers.bytes} bytes in hand`)
  }

  readonly #handler: RecordHandler = (record, { signal }) => {
    const { process } = this
    if (!process.alive) return never()
    const { random, trace, invariants, ledger, handling } = this.#world
    const { shardId, partitionKey } = record
    const what = `${this.name} ${shardId} ${partitionKey} ${record.sequenceNumber.slice(-4)}/${record.subSequenceNumber}`
    trace.add(`${what} starts`)
    invariants.handlerStarts(this.name, process.here, record)
    if (random.chance(handling.burns)) process.stall(random.between(100, 2 * this.#world.scenario.failoverMs))
    const fails = random.chance(handling.fails)
    const isDeaf = random.chance(handling.deaf)

    return new Promise((resolve, reject) => {
      const ends = process.deliver(process.here + random.between(0, handling.mostMs), () => {
        signal.removeEventListener('abort', abort)
        trace.add(`${what} ${fails ? 'fails' : 'is done'}`)
        if (fails) return reject(new Error('the handler fails'))
        this.#buffers.handled(record)
        const entry = ledger.find(record)
        if (entry) entry.handled = true
        resolve()
      })
      const abort = () => {
        ends.cancelled = true
        reject(signal.reason)
      }
      if (signal.aborted && !isDeaf) abort()
      else if (!isDeaf) signal.addEventListener('abort', abort, { once: true })
    })
  }
}
