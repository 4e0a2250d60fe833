import type { Checkpoint } from '../../../services/consumer/checkpoint.ts'
import type { ConsumerEvents } from '../../../services/consumer/events.ts'
import { ByteBudget } from '../../../services/consumer/fetching/byte-budget.ts'
import { RecordQueue } from '../../../services/consumer/iteration/record-queue.ts'
import { Counters } from '../../../services/consumer/metrics/counters.ts'
import { ConsumerEmitter } from '../../../services/consumer/metrics/emitter.ts'
import { PauseGate } from '../../../services/consumer/pausing/pause-gate.ts'
import { CircuitBreaker } from '../../../services/consumer/processing/breaker.ts'
import { type ProcessingOptions, resolveProcessing } from '../../../services/consumer/processing/processing-options.ts'
import { ShardProcessor } from '../../../services/consumer/processing/shard-processor.ts'
import { YieldLimit } from '../../../services/consumer/processing/yield-limit.ts'
import type { ConsumerRecord } from '../../../services/consumer/record.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { at } from '../leases/support.ts'

export const WALL = Date.parse('2026-11-23T00:00:00Z')

/** A record of a shard. Its number is its sequence number, and `key:number` its text. */
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
  clock: FakeClock
  processor: ShardProcessor
  pause: PauseGate
  breaker: CircuitBreaker
  counters: Counters
  budget: ByteBudget
  yields: YieldLimit
  queue: RecordQueue
  /** All emitted events, in order. */
  emitted: Array<{ name: keyof ConsumerEvents; event: ConsumerEvents[keyof ConsumerEvents][0] }>
  emittedNames(): string[]
  /** Expires the lease before anybody has noticed, as after a stall. */
  expire(): void
  /** Loses the lease. */
  lose(): void
  progress(): Checkpoint
}

/** The processing of one shard from its start, in virtual time. */
export function processorOf<T = undefined>(
  options: ProcessingOptions<T>,
  {
    random = () => 1,
    maxBufferedBytes = 1024 ** 2,
    takeover,
  }: { random?: () => number; maxBufferedBytes?: number; takeover?: { at: Date; until: number } } = {},
): ProcessorFixture {
  const clock = new FakeClock()
  const resolved = resolveProcessing(options)
  const counters = new Counters()
  const emitted: ProcessorFixture['emitted'] = []
  const origin = { workerId: 'w', applicationName: 'a', streamName: 's' }
  const events = new ConsumerEmitter(origin, (name, event) => {
    counters.count(name, event)
    emitted.push({ name, event })
  })
  const pause = new PauseGate(clock)
  const breaker = new CircuitBreaker({
    ...{ policy: resolved.breaker, clock, random },
    onOpened: event => events.emit('breakerOpened', event),
    onClosed: event => events.emit('breakerClosed', event),
  })
  const budget = new ByteBudget(maxBufferedBytes)
  const yields = new YieldLimit(resolved.yields)
  const queue = new RecordQueue(pause)
  const lost = new AbortController()
  let isValid = true
  const lose = () => lost.abort(new Error('the lease is gone'))
  const processor = new ShardProcessor({
    shard: {
      ...{
        shardId: 'shard',
        fencingToken: 7,
        clock,
        wallClock: () => WALL + clock.now(),
        random,
        pause,
        breaker,
        events,
      },
      takeover,
      checkpoint: async () => undefined,
      mayStart() {
        if (!isValid) lose() // Like a lease, which finds out by its clock.
        return !lost.signal.aborted
      },
      signal: lost.signal,
    },
    ...{ options: resolved, from: at('TRIM_HORIZON'), budget: budget.open(), counters, yields, queue },
  })
  return {
    ...{ clock, processor, pause, breaker, counters, budget, yields, queue, emitted },
    emittedNames: () => emitted.map(({ name }) => name),
    expire: () => {
      isValid = false
    },
    lose,
    progress: () => processor.progress,
  }
}
