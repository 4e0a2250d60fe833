import { FAULTY_FATES, type Fate } from './network.ts'
import type { SeededRandom } from './random.ts'

/** Faults that are injected at a mean interval, see faults.ts. */
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

/** The parameters of a run, drawn from its seed. Times in milliseconds. */
export interface Scenario {
  readonly shards: number
  readonly workers: number
  /** Time within which the first workers start. A deployed fleet starts at once. */
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
  /** The time of AT_TIMESTAMP. There are records and reshards before and after it. */
  readonly startsAtMs: number
  readonly keys: number
  /** Share of the records with the first key. */
  readonly hotKey: number
  /** For how long faults are injected and records are put. */
  readonly chaosMs: number
  readonly recordEveryMs: number
  readonly recordBytes: number
  readonly aggregated: number
  /** Share of the aggregates with a wrong digest. */
  readonly spoiled: number
  /** True if the shards are read by enhanced fan-out. */
  readonly fanOut: boolean
  readonly subscription: { readonly lifeMs: number; readonly wordMs: number }
  /** Records are handled in batches of this size. */
  readonly batch: { readonly maxRecords: number; readonly maxWaitMs: number } | undefined
  /** Number of attempts after which a record becomes a dead letter; undefined without dead letters. */
  readonly maxAttempts: number | undefined
  /** Share of poison records. Only with dead letters. */
  readonly poison: number
  readonly handlerTimeoutMs: number
  readonly handler: {
    readonly maxMs: number
    readonly fails: number
    /** Continues after its signal has fired. */
    readonly deaf: number
    /** Blocks the event loop. */
    readonly burns: number
    /** Never ends by itself. Only if its timeout is over before the run ends. */
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
  /** What one worker does after the last fault without ever ending. Nobody may have to wait for it. */
  readonly departure: 'none' | 'freezes' | 'stops with handlers that never end'
  /** The mean interval of each fault of this run. */
  readonly strikes: ReadonlyMap<Strike, number>
  /** True if a shard is closed before the application starts. */
  readonly reshardsEarly: boolean
  /** Share of the workers with a wrong wall clock. */
  readonly wrongClocks: number
}

/**
 * Each run has only some of the faults, each at its own rate. A run with all of them would rarely get far enough for
 * the rare ones to coincide.
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
