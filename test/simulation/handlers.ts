import { BatchFailure } from '../../services/consumer/processing/batch-failure.ts'
import { classifyError, type ErrorClass } from '../../services/consumer/processing/classify.ts'
import type { DeadLetterPort } from '../../services/consumer/processing/dead-letter.ts'
import type { BatchHandler, ConsumerRecord, RecordContext, RecordHandler } from '../../services/consumer/record.ts'
import { checkpointSometimes } from './iteration.ts'
import { serviceError } from './network.ts'
import type { SeededRandom } from './random.ts'
import { never, type WorkerProcess } from './worker-process.ts'
import type { World } from './world.ts'

const STORE_TIMEOUT_MS = 1_000

/** What the application of a worker reports. */
export interface HandlersSettings {
  process: WorkerProcess
  world: World
  /** The worker drops a record. */
  settled(record: ConsumerRecord): void
}

interface Call {
  readonly what: string
  readonly records: readonly ConsumerRecord[]
  readonly signal: AbortSignal
}

/**
 * The application of a worker. Its handlers take time, fail sometimes or because of poison records, block the event
 * loop, continue after their signal, or hang.
 */
export class Handlers {
  readonly #settings: HandlersSettings
  readonly #random: SeededRandom
  /** From now on no handler ends or reacts to its signal. */
  isStuck = false

  constructor(settings: HandlersSettings) {
    this.#settings = settings
    this.#random = settings.world.streams.of(`handlers of ${settings.process.name}`)
  }

  readonly one: RecordHandler = (record, context) => {
    this.#yieldPlace(record, context)
    const finish = (call: Call) => {
      const error = this.#failureOf(record)
      if (!error) return this.#handled(call, record)
      this.#failed(record, error)
      throw error
    }
    // The handler has started when it writes a checkpoint, and its process may be suspended at that call.
    const checkpoint = () => checkpointSometimes(context, this.#settings.world)
    return this.#work([record], context.signal, finish, checkpoint)
  }

  readonly batch: BatchHandler = (records, { signal }) => {
    return this.#work(records, signal, call => {
      const failures = this.#failuresOf(records)
      const [first] = failures
      if (first && (records.length === 1 || this.#random.chance(0.5))) {
        // A failure of a single record is its own. For several records, the error does not say which one failed.
        if (records.length === 1) this.#failed(...first)
        throw records.length === 1 || isDependency(first[1]) ? first[1] : new Error('the batch fails')
      }
      for (const record of records) if (!failures.has(record)) this.#handled(call, record)
      for (const [record, error] of failures) this.#failed(record, error)
      if (failures.size > 0) {
        throw new BatchFailure([...failures].map(([record, error]) => ({ ...record, error })))
      }
    })
  }

  readonly deadLetter: DeadLetterPort = (record, _, { signal }) => {
    const { process, world, settled } = this.#settings
    if (!process.alive) return never()
    world.trace.add(`${nameOf(process, record)} is given up`)
    return world.network.call(process, 's3', {
      ...{ timeoutMs: STORE_TIMEOUT_MS, signal },
      effect: () => {
        world.letters.store(record)
        world.application.deadLettered(process.name, record)
        settled(record)
      },
    })
  }

  readonly classify = (error: unknown): ErrorClass => {
    return error instanceof Error && error.name === HOPELESS ? 'give up' : classifyError(error)
  }

  /** Some handlers yield their place, at once or during their work, and some only after they have ended. */
  #yieldPlace(record: ConsumerRecord, context: RecordContext): void {
    const { process, world } = this.#settings
    const { random, yields } = world.fairness
    if (!process.alive || !random.chance(yields)) return
    const yieldPlace = () => {
      const isYielded = context.yieldPlace()
      world.trace.add(`${nameOf(process, record)} ${isYielded ? 'goes on without' : 'keeps'} its place`)
    }
    if (random.chance(0.5)) yieldPlace()
    else process.deliver(process.here + random.between(0, world.handling.maxMs), yieldPlace)
  }

  async #work(
    records: readonly ConsumerRecord[],
    signal: AbortSignal,
    finish: (call: Call) => void,
    onStarted: () => void = () => undefined,
  ): Promise<void> {
    const { process, world } = this.#settings
    const [first] = records
    if (!process.alive || !first) return never()
    const { trace, handling, scenario } = world
    const random = this.#random
    const what = `${nameOf(process, first)}${records.length > 1 ? ` and ${records.length - 1} more` : ''}`
    trace.add(`${what} starts`)
    world.pausing.acts(process, `starts a record of ${first.shardId}`)
    world.invariants.handlerStarts(process.name, process.here, records)
    for (const record of records) world.application.starts(process.name, record)
    if (world.checksKeylessStarts) world.keylessStarts.starts(process.name, first)
    onStarted()
    if (random.chance(handling.burns)) process.stall(random.between(100, 2 * scenario.failoverMs))
    const isDeaf = random.chance(handling.deaf) || this.isStuck
    const hangs = random.chance(handling.hangs) || this.isStuck

    return new Promise((resolve, reject) => {
      const ends = process.deliver(process.here + random.between(0, handling.maxMs), () => {
        if (hangs) return
        signal.removeEventListener('abort', abort)
        try {
          finish({ what, records, signal })
          trace.add(`${what} is done`)
          resolve()
        } catch (error) {
          trace.add(`${what} fails: ${error}`)
          reject(error)
        }
      })
      const abort = () => {
        if (isTimeout(signal.reason)) for (const record of records) this.#failed(record, signal.reason)
        if (isDeaf) return
        ends.cancelled = true
        reject(signal.reason)
      }
      if (signal.aborted) abort()
      else signal.addEventListener('abort', abort, { once: true })
    })
  }

  #handled({ signal }: Call, record: ConsumerRecord): void {
    const { process, world, settled } = this.#settings
    settled(record)
    world.application.handled(process.name, record, !signal.aborted)
  }

  #failed(record: ConsumerRecord, error: unknown): void {
    const entry = this.#settings.world.ledger.find(record)
    if (entry && !isDependency(error)) entry.failures++
  }

  #failureOf(record: ConsumerRecord): Error | undefined {
    const { world } = this.#settings
    if (world.isDependencyDown) return serviceError('SlowDown', 'Please reduce your request rate.')
    const poison = world.ledger.find(record)?.poison
    if (poison) return serviceError(poison === 'hopeless' ? HOPELESS : 'Error', 'the record is poison')
    return this.#random.chance(world.handling.fails) ? new Error('the handler fails') : undefined
  }

  /** No later record of the key of a failed record is done. */
  #failuresOf(records: readonly ConsumerRecord[]): Map<ConsumerRecord, Error> {
    const failures = new Map<ConsumerRecord, Error>()
    const keys = new Set<string>()
    for (const record of records) {
      const { partitionKey } = record
      const mustFail = partitionKey !== undefined && keys.has(partitionKey)
      const error = mustFail ? new Error('the one before it fails') : this.#failureOf(record)
      if (!error) continue
      failures.set(record, error)
      if (partitionKey !== undefined) keys.add(partitionKey)
    }
    return failures
  }
}

const HOPELESS = 'HopelessError'

const isDependency = (error: unknown) => classifyError(error) === 'dependency'

const isTimeout = (reason: unknown) => reason instanceof Error && reason.name === 'HandlerTimeoutError'

function nameOf({ name }: WorkerProcess, { shardId, partitionKey, sequenceNumber, subSequenceNumber }: ConsumerRecord) {
  return `${name} ${shardId} ${partitionKey} ${sequenceNumber.slice(-4)}/${subSequenceNumber}`
}
