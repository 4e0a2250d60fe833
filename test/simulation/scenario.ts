import { FAULTY_FATES, type Fate } from './network.ts'
import type { SeededRandom } from './random.ts'

/** Faults that strike now and then, at a mean interval. What each of them does is in faults.ts. */
export const STRIKES = [
  'kill',
  'kill at a call',
  'stall',
  'stall at a call',
  'stop',
  'join',
  'roll',
  'duplicate',
  'wall clock',
  'split',
  'merge',
  'storm',
  'trim',
  'delete row',
  'edit row',
  'drop table',
  'hand-off',
  'burst',
  'outage',
  'intruder',
  'redrive',
] as const
export type Strike = (typeof STRIKES)[number]

/** All that a run is made of, drawn from its seed. Times in milliseconds. */
export interface Scenario {
  readonly shards: number
  readonly workers: number
  /** Within how long the first workers come: a fleet that is deployed comes at once. */
  readonly arrivalMs: number
  readonly failoverMs: number
  readonly scanIntervalMs: number
  readonly shardSyncIntervalMs: number
  readonly idleIntervalMs: number
  readonly drainTimeoutMs: number
  readonly concurrency: number
  readonly recordsPerFetch: number
  readonly maxReplyBytes: number
  readonly initialPosition: 'TRIM_HORIZON' | 'LATEST' | 'timestamp'
  /** Of the timestamp: records and reshards lie behind it and ahead of it. */
  readonly startsAtMs: number
  readonly keys: number
  /** How many of the records are of the first key. */
  readonly hotKey: number
  /** How long faults strike and records come. */
  readonly chaosMs: number
  readonly recordEveryMs: number
  readonly recordBytes: number
  readonly aggregated: number
  /** How many of the aggregates have a digest that is not theirs. */
  readonly spoiled: number
  /** The shards are read by enhanced fan-out. */
  readonly fanOut: boolean
  readonly subscription: { readonly lifeMs: number; readonly wordMs: number }
  /** Records are handled in batches, as large as that. */
  readonly batch: { readonly maxRecords: number; readonly maxWaitMs: number } | undefined
  /** After how many tries a record goes to the dead letters; undefined where there are none. */
  readonly maxAttempts: number | undefined
  /** How many of the records are poison: with dead letters only. */
  readonly poison: number
  readonly handlerTimeoutMs: number
  readonly handler: {
    readonly maxMs: number
    readonly fails: number
    /** Goes on after its signal has fired. */
    readonly deaf: number
    /** Blocks the event loop. */
    readonly burns: number
    /** Never comes to an end by itself: only where its time is up before a run ends. */
    readonly hangs: number
  }
  readonly weather: {
    readonly dynamodb: number
    readonly kinesis: number
    readonly s3: number
    readonly fates: readonly Fate[]
    readonly latencyMs: number
    readonly scanAgeMs: number
    readonly listAgeMs: number
    readonly emptyPage: number
    readonly nullIterator: number
    readonly invalidPosition: number
    readonly halfOpen: number
    readonly cut: number
    readonly earlyEnd: number
    readonly childless: number
    readonly iteratorLifeMs: number
  }
  /** What one worker does once the faults are healed, though it never comes to an end: nobody may have to wait for it. */
  readonly departure: 'none' | 'freezes' | 'stops with handlers that never end'
  /** The mean interval of each strike that this run has. */
  readonly strikes: ReadonlyMap<Strike, number>
  /** A shard is closed before the application comes. */
  readonly reshardsEarly: boolean
  /** How many of the workers come with a wall clock that is wrong. */
  readonly wrongClocks: number
}

/**
 * Each run has some of the faults only, and each of them at its own rate: a run with all of them at once would never get far
 * enough for the rare ones to meet.
 */
export function drawScenario(random: SeededRandom): Scenario {
  const sometimes = (probability: number, most: number) => (random.chance(probability) ? random.between(0, most) : 0)
  const failoverMs = random.pick([1_000, 2_000, 3_000]) ?? 2_000
  const isHeavy = random.chance(0.15)
  const initial = random.next()
  const maxAttempts = random.chance(0.4) ? random.integer(1, 4) : undefined
  const fanOut = random.chance(0.35)
  const handlerTimeoutMs = random.pick([500, 3_000, 300_000]) ?? 300_000
  const initialPosition = initial < 0.5 ? 'TRIM_HORIZON' : initial < 0.75 ? 'LATEST' : 'timestamp'
  return {
    shards: random.integer(1, 4),
    workers: random.integer(1, 3),
    arrivalMs: random.pick([0, 50, 1_500]) ?? 0,
    failoverMs,
    scanIntervalMs: random.integer(200, 700),
    shardSyncIntervalMs: random.pick([1_000, 3_000, 20_000]) ?? 3_000,
    idleIntervalMs: random.integer(400, 1_500),
    drainTimeoutMs: random.integer(0, 2_000),
    concurrency: random.integer(1, 8),
    recordsPerFetch: isHeavy ? 4 : random.integer(1, 30),
    maxReplyBytes: 512 * 1024,
    initialPosition,
    startsAtMs: random.integer(500, 2_400),
    keys: random.integer(2, 12),
    hotKey: sometimes(0.3, 0.9),
    chaosMs: random.integer(6_000, 14_000),
    recordEveryMs: random.integer(60, 300),
    recordBytes: isHeavy ? 120 * 1024 : 100,
    aggregated: sometimes(0.5, 0.6),
    spoiled: sometimes(0.3, 0.3),
    fanOut,
    subscription: { lifeMs: random.pick([800, 4_000, 300_000]) ?? 300_000, wordMs: random.pick([500, 5_000]) ?? 5_000 },
    batch: random.chance(0.3)
      ? { maxRecords: random.integer(2, 20), maxWaitMs: Math.round(sometimes(0.5, 600)) }
      : undefined,
    maxAttempts,
    poison: maxAttempts === undefined ? 0 : sometimes(0.7, 0.2),
    handlerTimeoutMs,
    handler: {
      maxMs: isHeavy ? 6_000 : (random.pick([20, 200, 2_500]) ?? 200),
      fails: sometimes(0.5, 0.3),
      deaf: sometimes(0.4, 0.5),
      burns: sometimes(0.3, 0.06),
      hangs: handlerTimeoutMs < 300_000 ? sometimes(0.4, 0.1) : 0,
    },
    weather: {
      dynamodb: sometimes(0.6, 0.3),
      kinesis: sometimes(0.5, 0.3),
      s3: sometimes(0.5, 0.5),
      fates: FAULTY_FATES.filter(() => random.chance(0.5)),
      latencyMs: random.pick([3, 20, 120]) ?? 20,
      scanAgeMs: sometimes(0.6, 4_000),
      listAgeMs: sometimes(0.5, 5_000),
      emptyPage: sometimes(0.4, 0.5),
      nullIterator: sometimes(0.3, 0.1),
      invalidPosition: sometimes(0.3, 0.2),
      halfOpen: sometimes(0.5, 0.5),
      cut: sometimes(0.4, 0.2),
      earlyEnd: sometimes(0.3, 0.2),
      childless: sometimes(0.3, 0.1),
      iteratorLifeMs: random.pick([700, 5_000, 300_000]) ?? 300_000,
    },
    departure: random.pick(['none', 'freezes', 'stops with handlers that never end'] as const) ?? 'none',
    strikes: new Map(STRIKES.filter(() => random.chance(0.25)).map(strike => [strike, random.between(1_500, 9_000)])),
    reshardsEarly: random.chance(0.3),
    wrongClocks: sometimes(0.4, 0.7),
  }
}
