import { FAULTY_FATES, type Fate } from './network.ts'
import type { RandomStreams } from './random.ts'

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
 * Draws each parameter from a stream of its own, and the interval of a fault from the stream of the fault.
 *
 * Each run has only some of the faults, each at its own rate. A run with all of them would rarely get far enough for
 * the rare ones to coincide.
 */
export function drawScenario(streams: RandomStreams): Scenario {
  const of = (name: string) => streams.of(`scenario: ${name}`)
  const integer = (name: string, least: number, most: number) => of(name).integer(least, most)
  const chance = (name: string, probability: number) => of(name).chance(probability)
  const oneOf = <T>(name: string, first: T, ...others: T[]): T => of(name).pick([first, ...others]) ?? first
  const sometimes = (name: string, probability: number, most: number) => {
    return chance(name, probability) ? of(name).between(0, most) : 0
  }
  const isHeavy = chance('heavy records', 0.15)
  const maxAttempts = chance('maxAttempts', 0.4) ? integer('maxAttempts', 1, 4) : undefined
  // A table of more than 16 leases is scanned seldom while nothing changes, and ten workers do not all scan it.
  const isLarge = chance('large fleet', 0.04)
  const handlerTimeoutMs = oneOf('handlerTimeoutMs', 500, 3_000, 300_000)
  return {
    shards: isLarge ? integer('shards of a large fleet', 17, 30) : integer('shards', 1, 4),
    workers: isLarge ? integer('workers of a large fleet', 2, 12) : integer('workers', 1, 3),
    arrivalMs: oneOf('arrivalMs', 0, 50, 1_500),
    failoverMs: oneOf('failoverMs', 1_000, 2_000, 3_000),
    scanIntervalMs: integer('scanIntervalMs', 200, 700),
    shardSyncIntervalMs: oneOf('shardSyncIntervalMs', 1_000, 3_000, 20_000),
    idleIntervalMs: integer('idleIntervalMs', 400, 1_500),
    drainTimeoutMs: integer('drainTimeoutMs', 0, 2_000),
    concurrency: integer('concurrency', 1, 8),
    recordsPerFetch: isHeavy ? 4 : integer('recordsPerFetch', 1, 30),
    maxReplyBytes: 512 * 1024,
    initialPosition: chance('TRIM_HORIZON', 0.5) ? 'TRIM_HORIZON' : oneOf('initialPosition', 'LATEST', 'timestamp'),
    startsAtMs: integer('startsAtMs', 500, 2_400),
    keys: integer('keys', 2, 12),
    hotKey: sometimes('hotKey', 0.3, 0.9),
    chaosMs: integer('chaosMs', 6_000, 14_000),
    recordEveryMs: integer('recordEveryMs', 60, 300),
    recordBytes: isHeavy ? 120 * 1024 : 100,
    aggregated: sometimes('aggregated', 0.5, 0.6),
    spoiled: sometimes('spoiled', 0.3, 0.3),
    fanOut: chance('fanOut', 0.35),
    subscription: { lifeMs: oneOf('lifeMs', 800, 4_000, 300_000), wordMs: oneOf('wordMs', 500, 5_000) },
    batch: chance('batch', 0.3)
      ? { maxRecords: integer('batch', 2, 20), maxWaitMs: Math.round(sometimes('maxWaitMs', 0.5, 600)) }
      : undefined,
    maxAttempts,
    poison: maxAttempts === undefined ? 0 : sometimes('poison', 0.7, 0.2),
    handlerTimeoutMs,
    handler: {
      maxMs: isHeavy ? 6_000 : oneOf('maxMs', 20, 200, 2_500),
      fails: sometimes('fails', 0.5, 0.3),
      deaf: sometimes('deaf', 0.4, 0.5),
      burns: sometimes('burns', 0.3, 0.06),
      hangs: handlerTimeoutMs < 300_000 ? sometimes('hangs', 0.4, 0.1) : 0,
    },
    weather: {
      dynamodb: sometimes('dynamodb', 0.6, 0.3),
      kinesis: sometimes('kinesis', 0.5, 0.3),
      s3: sometimes('s3', 0.5, 0.5),
      fates: FAULTY_FATES.filter(fate => chance(`fate ${fate}`, 0.5)),
      latencyMs: oneOf('latencyMs', 3, 20, 120),
      scanAgeMs: sometimes('scanAgeMs', 0.6, 4_000),
      listAgeMs: sometimes('listAgeMs', 0.5, 5_000),
      emptyPage: sometimes('emptyPage', 0.4, 0.5),
      nullIterator: sometimes('nullIterator', 0.3, 0.3),
      invalidPosition: sometimes('invalidPosition', 0.3, 0.2),
      halfOpen: sometimes('halfOpen', 0.5, 0.5),
      cut: sometimes('cut', 0.4, 0.2),
      earlyEnd: sometimes('earlyEnd', 0.3, 0.2),
      childless: sometimes('childless', 0.3, 0.1),
      iteratorLifeMs: oneOf('iteratorLifeMs', 700, 5_000, 300_000),
    },
    departure: oneOf<Scenario['departure']>('departure', 'none', 'freezes', 'stops with handlers that never end'),
    strikes: new Map(
      STRIKES.filter(strike => chance(strike, 0.25)).map(strike => [strike, of(strike).between(1_500, 9_000)]),
    ),
    reshardsEarly: chance('reshardsEarly', 0.3),
    wrongClocks: sometimes('wrongClocks', 0.4, 0.7),
  }
}
