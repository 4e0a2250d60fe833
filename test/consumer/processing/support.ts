import { setImmediate as turn } from 'node:timers/promises'
import type { Checkpoint } from '../../../services/consumer/checkpoint.ts'
import type { Clock } from '../../../services/consumer/clock.ts'
import type { ConsumerEvents } from '../../../services/consumer/events.ts'
import { ByteBudget } from '../../../services/consumer/fetching/byte-budget.ts'
import { Counters } from '../../../services/consumer/metrics/counters.ts'
import { ConsumerEmitter } from '../../../services/consumer/metrics/emitter.ts'
import { CircuitBreaker } from '../../../services/consumer/processing/breaker.ts'
import { type ProcessingOptions, resolveProcessing } from '../../../services/consumer/processing/processing-options.ts'
import { ShardProcessor } from '../../../services/consumer/processing/shard-processor.ts'
import { YieldLimit } from '../../../services/consumer/processing/yield-limit.ts'
import type { ConsumerRecord } from '../../../services/consumer/record.ts'
import { at } from '../leases/support.ts'

/** Time that jumps to the next sleeper once nothing else is left to do. */
export class VirtualClock implements Clock {
  #now = 0
  readonly #sleepers = new Set<{ until: number; wake(): void }>()

  now(): number {
    return this.#now
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const sleeper = { until: this.#now + Math.max(0, ms), wake: resolve }
      const wake = () => {
        this.#sleepers.delete(sleeper)
        resolve()
      }
      if (signal?.aborted) return resolve()
      this.#sleepers.add(sleeper)
      signal?.addEventListener('abort', wake, { once: true })
    })
  }

  /** Lets time pass until the condition holds. Throws where it never can, because nobody waits for time any more. */
  async until(condition: () => boolean): Promise<void> {
    for (;;) {
      await turn()
      if (condition()) return
      const [next] = [...this.#sleepers].sort((a, b) => a.until - b.until)
      if (!next) throw new Error('nothing is left to happen')
      this.advanceTo(next.until)
    }
  }

  /** Lets so many milliseconds pass, sleeper by sleeper. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms
    await turn()
    for (;;) {
      const [next] = [...this.#sleepers].filter(({ until }) => until <= end).sort((a, b) => a.until - b.until)
      if (!next) break
      this.advanceTo(next.until)
      await turn()
    }
    this.advanceTo(end)
    await turn()
  }

  advanceTo(time: number): void {
    this.#now = Math.max(this.#now, time)
    for (const sleeper of [...this.#sleepers]) {
      if (sleeper.until > this.#now) continue
      this.#sleepers.delete(sleeper)
      sleeper.wake()
    }
  }
}

export const WALL = Date.parse('2026-11-23T00:00:00Z')

/** A record of a shard; its number is its sequence number, `key:number` its text. */
export function recordOf(number: number, key = `k${number}`, fields: Partial<ConsumerRecord> = {}): ConsumerRecord {
  return {
    data: Buffer.from(`${key}:${number}`),
    partitionKey: key,
    sequenceNumber: String(number),
    subSequenceNumber: 0,
    shardId: 'shard',
    arrivedAt: new Date(WALL),
    ...fields,
  }
}

export const numberOf = ({ sequenceNumber }: ConsumerRecord) => Number(sequenceNumber)

export interface ProcessorFixture {
  clock: VirtualClock
  processor: ShardProcessor
  breaker: CircuitBreaker
  counters: Counters
  budget: ByteBudget
  yields: YieldLimit
  /** Everything that was told, in order. */
  told: Array<{ name: keyof ConsumerEvents; event: ConsumerEvents[keyof ConsumerEvents][0] }>
  namesTold(): string[]
  /** Lets the lease run out without anybody's having noticed yet, as after a stall. */
  expire(): void
  /** Loses the lease. */
  lose(): void
  progress(): Checkpoint
}

/** The processing of one shard, from its start, on virtual time. */
export function processorOf(
  options: ProcessingOptions,
  {
    random = () => 1,
    maxBufferedBytes = 1024 ** 2,
    takenOver,
  }: { random?: () => number; maxBufferedBytes?: number; takenOver?: { at: Date; until: number } } = {},
): ProcessorFixture {
  const clock = new VirtualClock()
  const resolved = resolveProcessing(options)
  const counters = new Counters()
  const told: ProcessorFixture['told'] = []
  const origin = { workerId: 'w', applicationName: 'a', streamName: 's' }
  const events = new ConsumerEmitter(origin, (name, event) => {
    counters.count(name, event)
    told.push({ name, event })
  })
  const breaker = new CircuitBreaker({
    ...{ policy: resolved.breaker, clock, random },
    onOpened: event => events.emit('breakerOpened', event),
    onClosed: event => events.emit('breakerClosed', event),
  })
  const budget = new ByteBudget(maxBufferedBytes)
  const yields = new YieldLimit(resolved.yields)
  const lost = new AbortController()
  let isValid = true
  const processor = new ShardProcessor({
    shard: {
      ...{ shardId: 'shard', fencingToken: 7, clock, wallClock: () => WALL + clock.now(), random, breaker, events },
      takenOver,
      mayStart: () => isValid && !lost.signal.aborted,
      signal: lost.signal,
    },
    ...{ options: resolved, from: at('TRIM_HORIZON'), budget: budget.open(), counters, yields },
  })
  return {
    ...{ clock, processor, breaker, counters, budget, yields, told },
    namesTold: () => told.map(({ name }) => name),
    expire: () => {
      isValid = false
    },
    lose: () => lost.abort(new Error('the lease is gone')),
    progress: () => processor.progress,
  }
}
