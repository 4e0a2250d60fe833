import { ApplicationInvariants } from './application-invariants.ts'
import { VirtualTime } from './clock.ts'
import { DeadLetters } from './dead-letters.ts'
import { LeaseTable, type LeaseWrite, SharedTable } from './dynamodb-model.ts'
import { drawFairness, type FairnessScenario } from './fairness.ts'
import { type Invariant, Invariants } from './invariants.ts'
import { drawIteration, type IterationScenario } from './iteration.ts'
import { drawKeyless, type KeylessScenario, KeylessStarts } from './keyless.ts'
import { HASH_SPACE, KinesisModel, type ModelShard } from './kinesis-model.ts'
import { Ledger } from './ledger.ts'
import { drawNeighbor, Neighbor, STREAM_IDENTIFIER } from './neighbor.ts'
import { Network } from './network.ts'
import { drawPausing, Pausing } from './pausing.ts'
import { RandomStreams, type SeededRandom } from './random.ts'
import type { UserRecord } from './record-maker.ts'
import { drawRetention, type RetentionScenario } from './retention.ts'
import { drawScenario, type Scenario } from './scenario.ts'
import { unfinishedOf } from './stability.ts'
import { Subscriptions } from './subscriptions.ts'
import { Trace } from './trace.ts'
import { RandomWeather } from './weather.ts'
import { Worker } from './worker.ts'

const EPOCH = Date.UTC(2026, 0, 1)

export interface Violation {
  readonly invariant: Invariant
  readonly what: string
}

/** Everything in a run. */
export class World {
  readonly streams: RandomStreams
  readonly scenario: Scenario
  readonly fairness: FairnessScenario
  readonly iteration: IterationScenario
  readonly keyless: KeylessScenario
  readonly retention: RetentionScenario
  readonly time = new VirtualTime()
  readonly trace = new Trace(() => this.time.now)
  readonly ledger = new Ledger()
  readonly weather: RandomWeather
  readonly network: Network
  readonly kinesis: KinesisModel
  readonly table: LeaseTable
  readonly invariants: Invariants
  readonly application: ApplicationInvariants
  readonly keylessStarts: KeylessStarts
  readonly subscriptions: Subscriptions
  readonly letters = new DeadLetters()
  readonly pausing: Pausing
  /** Another stream, whose leases are in the same table; undefined if the table has the leases of one stream. */
  readonly neighbor: Neighbor | undefined
  workers: Worker[] = []
  /** True after the last fault. */
  healed = false
  faultsEndAt = Number.POSITIVE_INFINITY
  handling: Scenario['handler']
  /** Time until which the dependency of all handlers is down. */
  outageUntil = 0
  /** The first violation. */
  violation: Violation | undefined
  /** When a lease last changed its owner. */
  movedAt = 0
  readonly #onLeaseCreated = new Map<string, () => void>()
  #runs = 0

  constructor(seed: number) {
    this.streams = new RandomStreams(seed)
    const { streams, time } = this
    this.scenario = drawScenario(streams)
    this.fairness = drawFairness(streams.of('fairness'))
    this.iteration = drawIteration(streams.of('iteration'), this.scenario)
    this.keyless = drawKeyless(streams.of('keyless'))
    this.retention = drawRetention(streams.of('retention'))
    this.pausing = new Pausing(drawPausing(streams.of('pausing')), this)
    const { scenario } = this
    const now = () => time.now
    this.handling = scenario.handler
    this.weather = new RandomWeather(scenario.weather, streams, now)
    this.network = new Network(time, this.weather)
    const { iteratorLifeMs } = scenario.weather
    const { maxReplyBytes, shards, failoverMs } = scenario
    const wallClock = () => this.wallClock()
    this.kinesis = new KinesisModel({ iteratorLifeMs, maxReplyBytes, now, wallClock }, shards)
    const neighbor = drawNeighbor(streams.of('neighbor'))
    const shared = new SharedTable(now)
    this.table = new LeaseTable(shared, write => this.#leaseWritten(write), neighbor && STREAM_IDENTIFIER)
    this.neighbor = neighbor && new Neighbor(neighbor, shared, this)
    const { ledger, kinesis, table } = this
    const violated = (invariant: Invariant, what: string) => this.violated(invariant, what)
    this.invariants = new Invariants({
      ...{ ledger, kinesis, table, failoverMs, wallClock, violated },
      startsAtLatest: scenario.initialPosition === 'LATEST',
    })
    const { maxAttempts = Number.POSITIVE_INFINITY } = scenario
    this.application = new ApplicationInvariants({ ledger, maxAttempts, violated })
    this.keylessStarts = new KeylessStarts({ ledger, invariants: this.invariants, violated })
    this.subscriptions = new Subscriptions({ kinesis, time, ...scenario.subscription })
  }

  /** Epoch milliseconds of a correct clock. */
  wallClock(time = this.time.now): number {
    return EPOCH + Math.floor(time)
  }

  violated(invariant: Invariant, what: string): void {
    this.trace.add(`VIOLATED ${invariant}: ${what}`)
    this.violation ??= { invariant, what }
  }

  get isDependencyDown(): boolean {
    return !this.healed && this.time.now < this.outageUntil
  }

  get checksKeylessStarts(): boolean {
    const { batch, strikes } = this.scenario
    if (this.iteration.isIterated) return false // A loop handles one record at a time.
    return batch === undefined && !strikes.has('outage') && this.fairness.options.fairnessKey === undefined
  }

  /** Workers that run and are not about to stop. */
  active(): Worker[] {
    return this.workers.filter(({ alive, stopping, departed }) => alive && !stopping && !departed)
  }

  join(workerId = `w${this.#runs}`): Worker {
    const run = this.#runs++
    const worker = new Worker(workerId, run, this, this.pausing.maxLeasesOf(run))
    this.workers = [...this.workers.filter(({ alive }) => alive), worker]
    this.trace.add(`${worker.name} joins`)
    this.inside(() => worker.start())
    return worker
  }

  kill(worker: Worker): void {
    if (!worker.alive) return
    this.trace.add(`${worker.name} is killed`)
    worker.process.kill()
  }

  stop(worker: Worker): void {
    this.trace.add(`${worker.name} is asked to stop`)
    this.inside(() => worker.stop())
  }

  /** Ends the process. Another run of the worker, or another worker, starts later. */
  replace(worker: Worker): void {
    this.kill(worker)
    const random = this.streams.of('replacements')
    const name = random.chance(0.5) ? worker.workerId : undefined
    this.time.at(this.time.now + random.between(100, 3_000), () => this.join(name))
  }

  put(): void {
    const { scenario, streams, keyless } = this
    if (keyless.share > 0 && keyless.random.chance(keyless.share)) {
      const shard = keyless.random.pick(this.kinesis.open())
      if (shard) this.#putOn(shard, [{ partitionKey: undefined, hashKey: 0n }], scenario.recordBytes)
      return
    }
    const aggregates = streams.of('aggregates')
    const draw = (random: SeededRandom) => (random.chance(scenario.hotKey) ? 0 : random.integer(0, scenario.keys - 1))
    const first = draw(streams.of('keys'))
    const shard = this.kinesis.shardOf(this.#hashOf(first))
    const keys = [first]
    // An aggregate only contains keys of its shard.
    while (aggregates.chance(scenario.aggregated) && keys.length < 4) {
      const other = draw(aggregates)
      if (this.kinesis.shardOf(this.#hashOf(other)) === shard) keys.push(other)
    }
    const size = Math.ceil(scenario.recordBytes / keys.length)
    const records = keys.map(key => ({ partitionKey: `k${key}`, hashKey: this.#hashOf(key) }))
    this.#putOn(shard, records, size)
  }

  #putOn(shard: ModelShard, records: readonly UserRecord[], size: number): void {
    const { scenario, streams } = this
    const isSpoiled = streams.of('spoiled aggregates').chance(scenario.spoiled)
    const random = streams.of('poison')
    for (const record of this.kinesis.put(shard, records, size, isSpoiled)) {
      const isPoison = random.chance(scenario.poison)
      this.ledger.add(record, isPoison ? (random.chance(0.5) ? 'poison' : 'hopeless') : undefined)
    }
  }

  trim(shard: ModelShard, records: number): void {
    this.trace.add(`${shard.shardId} loses ${records} records to retention`)
    for (const record of this.kinesis.trim(shard, records)) {
      const entry = this.ledger.find(record)
      if (entry) entry.trimmed = true
    }
  }

  /** Returns what is missing until the fleet is stable; undefined if nothing is. */
  unfinished(): string | undefined {
    if (this.pausing.isBusy) return 'an operator pauses and resumes'
    const workers = new Set(this.active().map(({ workerId }) => workerId))
    return unfinishedOf(this, workers) ?? this.neighbor?.unfinished(workers)
  }

  #leaseWritten(write: LeaseWrite): void {
    const { leaseKey, writer, after } = write
    const { sequenceNumber, subSequenceNumber } = after?.checkpoint ?? {
      sequenceNumber: 'no row',
      subSequenceNumber: 0,
    }
    const place = `${sequenceNumber.length > 15 ? sequenceNumber.slice(-4) : sequenceNumber}/${subSequenceNumber}`
    this.trace.add(`${writer} writes ${leaseKey} #${after?.leaseCounter} of ${after?.leaseOwner} at ${place}`)
    this.moved(write)
    this.invariants.leaseWritten(write)
    this.pausing.leaseWritten(write)
    if (write.before || !write.after) return
    this.#onLeaseCreated.get(leaseKey)?.()
    this.#onLeaseCreated.delete(leaseKey)
  }

  /** Calls `listener` once, when somebody creates the lease of the shard. */
  whenLeaseCreated(shardId: string, listener: () => void): void {
    this.#onLeaseCreated.set(shardId, listener)
  }

  /** Remembers when a lease last changed its owner. */
  moved({ before, after }: LeaseWrite): void {
    if (!before || !after || before.leaseOwner !== after.leaseOwner) this.movedAt = this.time.now
  }

  /** Code under test that the clock does not call. Its continuations must be drained. */
  inside(run: () => Promise<void>): void {
    this.time.woke()
    run().catch(error => this.violated('crash', String(error)))
  }

  #hashOf(key: number): bigint {
    return (HASH_SPACE * BigInt(2 * key + 1)) / BigInt(2 * this.scenario.keys)
  }
}
