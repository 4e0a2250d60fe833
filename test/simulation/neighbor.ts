import { KinesisConsumer } from '../../services/consumer/consumer.ts'
import type { MemoryBudget } from '../../services/consumer/fetching/byte-budget.ts'
import { sessionOf } from '../../services/consumer/leases/lease.ts'
import type { RecordHandler } from '../../services/consumer/record.ts'
import { ApplicationInvariants } from './application-invariants.ts'
import type { Buffers } from './buffers.ts'
import { LeaseTable, type SharedTable } from './dynamodb-model.ts'
import { type Invariant, Invariants } from './invariants.ts'
import { HASH_SPACE, KinesisModel } from './kinesis-model.ts'
import { Ledger } from './ledger.ts'
import { leaseStoreOf, streamReaderOf } from './ports.ts'
import type { SeededRandom } from './random.ts'
import { unfinishedOf } from './stability.ts'
import { UNUSED_CLIENTS } from './unused-clients.ts'
import { never, type WorkerProcess } from './worker-process.ts'
import type { World } from './world.ts'

/** The streams in a lease table that both share, as KCL identifies them. */
export const STREAM_IDENTIFIER = '000000000000:simulation:1700000000'
const NEIGHBOR_IDENTIFIER = '000000000000:neighbor:1700000001'

/** Another stream that the same processes read, with its leases in the same table. */
export interface NeighborScenario {
  readonly random: SeededRandom
  readonly shards: number
  readonly recordEveryMs: number
  readonly recordBytes: number
  readonly handlerMs: number
  /** True if a shard is split during the faults. */
  readonly splits: boolean
  /** True if the consumers of a process have one MemoryBudget. */
  readonly sharesBudget: boolean
}

/** Returns undefined for a run with one stream. */
export function drawNeighbor(random: SeededRandom): NeighborScenario | undefined {
  if (!random.chance(0.2)) return undefined
  const isHeavy = random.chance(0.4)
  return {
    random,
    shards: random.integer(1, 2),
    recordEveryMs: random.integer(100, 400),
    recordBytes: isHeavy ? 120 * 1024 : 100,
    handlerMs: isHeavy ? 4_000 : (random.pick([20, 200, 1_000]) ?? 200),
    splits: random.chance(0.5),
    sharesBudget: random.chance(0.6),
  }
}

/** What a worker of the world gives to its consumer of the neighbor. */
export interface NeighborWorker {
  process: WorkerProcess
  workerId: string
  /** A number of bytes, or the budget of both consumers. */
  memory: number | MemoryBudget
  /** Those of both consumers if they share their budget. */
  buffers: Buffers
  wallClock: () => number
  /** The consumer has failed, so the process ends. */
  onFailed: () => void
}

const KEYS = 6
const HEALTHY_HANDLER_MS = 20

/**
 * Another stream whose leases are in the same table. Its shards have the same ids, so that a lease of the wrong stream
 * is noticed. Each worker reads it through a second consumer. All invariants of leases hold for each stream by itself.
 */
export class Neighbor {
  readonly scenario: NeighborScenario
  readonly kinesis: KinesisModel
  readonly table: LeaseTable
  readonly ledger = new Ledger()
  readonly invariants: Invariants
  readonly #application: ApplicationInvariants
  readonly #world: World

  constructor(scenario: NeighborScenario, shared: SharedTable, world: World) {
    const { time } = world
    const { failoverMs, maxReplyBytes, weather } = world.scenario
    this.scenario = scenario
    this.#world = world
    const wallClock = () => world.wallClock()
    const settings = { iteratorLifeMs: weather.iteratorLifeMs, maxReplyBytes, now: () => time.now, wallClock }
    this.kinesis = new KinesisModel(settings, scenario.shards)
    const onWrite: ConstructorParameters<typeof LeaseTable>[1] = write => {
      world.trace.add(`${write.writer} writes the neighbor's ${write.leaseKey} #${write.after?.leaseCounter}`)
      world.moved(write)
      this.invariants.leaseWritten(write)
    }
    this.table = new LeaseTable(shared, onWrite, NEIGHBOR_IDENTIFIER)
    const { kinesis, table, ledger } = this
    const violated = (invariant: Invariant, what: string) => world.violated(invariant, `neighbor: ${what}`)
    this.invariants = new Invariants({
      ...{ ledger, kinesis, table, failoverMs, wallClock, violated },
      startsAtLatest: false,
    })
    this.#application = new ApplicationInvariants({ ledger, maxAttempts: Number.POSITIVE_INFINITY, violated })
  }

  /** Puts records, and may split a shard, until the end of the faults. */
  schedule(until: number): void {
    const { time } = this.#world
    const { random, recordEveryMs, splits } = this.scenario
    const next = () => {
      if (time.now >= until) return
      this.#put()
      time.at(time.now + random.between(0, 2 * recordEveryMs), next)
    }
    next()
    if (!splits) return
    time.at(random.between(time.now, until), () => {
      const shard = random.pick(this.kinesis.open())
      if (shard) this.kinesis.split(shard)
    })
  }

  /** Returns what is missing until the stream is handled and its leases are stable; undefined if nothing is. */
  unfinished(workers: ReadonlySet<string>): string | undefined {
    const missing = unfinishedOf(this, workers)
    return missing && `neighbor: ${missing}`
  }

  consumerOf(worker: NeighborWorker): KinesisConsumer {
    const { process, workerId, memory, buffers, wallClock } = worker
    const world = this.#world
    const { failoverMs, scanIntervalMs, shardSyncIntervalMs, idleIntervalMs, drainTimeoutMs } = world.scenario
    const consumer = new KinesisConsumer(
      {
        ...{ applicationName: 'simulation', streamName: 'neighbor', ...UNUSED_CLIENTS, workerId },
        ...{ failoverMs, scanIntervalMs, shardSyncIntervalMs, idleIntervalMs, drainTimeoutMs },
        leaseTable: { streamIdentifier: NEIGHBOR_IDENTIFIER },
        maxBufferedBytes: memory,
        recordsPerFetch: world.scenario.recordsPerFetch,
        concurrency: world.scenario.concurrency,
        handler: this.#handlerOf(worker),
        logger: false,
      },
      {
        store: leaseStoreOf(process, world, { table: this.table }),
        stream: this.#streamOf(worker),
        clock: process,
        wallClock,
        random: process.random.next,
        session: sessionOf(workerId, `neighbor of ${process.name}`),
      },
    )
    this.#listen(consumer, buffers, worker)
    return consumer
  }

  #streamOf({ process, buffers }: NeighborWorker) {
    const fetchStarts = (shardId: string) => {
      const isFull = buffers.isFull(nameOf(shardId))
      return () => {
        if (process.alive && isFull) this.#violatesBudget(process, shardId, buffers)
      }
    }
    const watch: Parameters<typeof streamReaderOf>[2] = {
      fetchStarts,
      received: (shardId, { records }) =>
        buffers.received(nameOf(shardId), records, this.invariants.takenFrom(process.name, shardId)),
    }
    return streamReaderOf(process, this.#world, watch, this.kinesis)
  }

  #violatesBudget({ name }: WorkerProcess, shardId: string, { bytes }: Buffers): void {
    this.#world.violated('9', `${name} fetches the neighbor's ${shardId} with ${bytes} bytes in hand`)
  }

  #handlerOf({ process, buffers }: NeighborWorker): RecordHandler {
    const { name } = process
    return (record, { signal }) => {
      if (!process.alive) return never()
      this.invariants.handlerStarts(name, process.here, [record])
      this.#application.starts(name, record)
      const { random, handlerMs } = this.scenario
      const mostMs = this.#world.healed ? HEALTHY_HANDLER_MS : handlerMs
      return new Promise((resolve, reject) => {
        const ends = process.deliver(process.here + random.between(0, mostMs), () => {
          signal.removeEventListener('abort', abort)
          this.#application.handled(name, record, !signal.aborted)
          buffers.handled({ ...record, shardId: nameOf(record.shardId) })
          resolve()
        })
        const abort = () => {
          ends.cancelled = true
          reject(signal.reason)
        }
        signal.addEventListener('abort', abort, { once: true })
      })
    }
  }

  #listen(consumer: KinesisConsumer, buffers: Buffers, { process, onFailed }: NeighborWorker): void {
    const { name } = process
    /** Shards whose release may or may not have arrived. */
    const uncertain = new Set<string | undefined>()
    consumer.events
      .on('leaseAcquired', ({ shardId, checkpoint }) => {
        buffers.opened(nameOf(shardId))
        this.invariants.acquired(name, shardId, checkpoint)
        this.#application.acquired(name, shardId)
      })
      .on('leaseLost', ({ shardId, reason }) => {
        buffers.closed(nameOf(shardId))
        const isUncertain = uncertain.delete(shardId)
        if (process.alive && !isUncertain) this.invariants.leaseLost(name, shardId, reason)
      })
      // A pause applies to the workers of one stream.
      .on('paused', ({ by }) => this.#world.violated('pause', `${name} is paused in the neighbor by ${by}`))
      .on('failed', () => {
        if (process.alive) onFailed()
      })
      .on('fault', ({ operation, shardId }) => {
        if (operation === 'release of the lease') uncertain.add(shardId)
      })
  }

  #put(): void {
    const { random, recordBytes } = this.scenario
    const key = random.integer(0, KEYS - 1)
    const hashKey = (HASH_SPACE * BigInt(2 * key + 1)) / BigInt(2 * KEYS)
    const records = [{ partitionKey: `n${key}`, hashKey }]
    for (const record of this.kinesis.put(this.kinesis.shardOf(hashKey), records, recordBytes, false)) {
      this.ledger.add(record, undefined)
    }
  }
}

/** The name of a shard of the neighbor among the buffers of both streams. */
const nameOf = (shardId: string) => `neighbor ${shardId}`
