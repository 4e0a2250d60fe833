import { type Bounds, boundedNumber, onlyKnown, wrong } from '../option-checks.ts'
import type { BatchHandler, ConsumerRecord, RecordHandler } from '../record.ts'
import type { BackoffSettings } from './backoff.ts'
import type { BatchLimits } from './batch-queue.ts'
import type { BreakerPolicy } from './breaker.ts'
import { classifyError, type ErrorClass } from './classify.ts'
import type { DeadLetterPort } from './dead-letter.ts'
import type { RetryPolicy } from './retry-policy.ts'
import type { YieldLimits } from './yield-limit.ts'

/** The options of a consumer that say how its records are handled. */
export interface ProcessingOptions {
  /** Handles records one by one. Either this or `batchHandler`. */
  handler?: RecordHandler
  /** Handles records in batches of one shard. Either this or `handler`. */
  batchHandler?: BatchHandler
  /** How batches are made. With `batchHandler` only. */
  batch?: BatchOptions
  /**
   * With `handler`: records of one shard handled at once, each of another partition key. 1 to 1,000, default 16. With
   * `batchHandler`: batches of one shard handled at once, no two with a partition key in common. 1 to 1,000, default 1.
   */
  concurrency?: number
  /**
   * With `handler`: names whom a record belongs to, such as its tenant. Records that wait for a place then start in turns, one of
   * each fairness key, in place of first come, first served. The order within a partition key stays as it is. Called once for
   * a record, while it waits: keep it cheap. Records for which it returns undefined or throws share one key.
   */
  fairnessKey?: (record: ConsumerRecord) => string | undefined
  /**
   * With `fairnessKey`: maximum number of records of one fairness key and shard that have a place at a time. 1 to 1,000, default
   * three quarters of `concurrency`.
   */
  concurrencyPerFairnessKey?: number
  /**
   * With `handler`: maximum number of records of this worker that have given their place back by `context.yieldPlace()`.
   * 0 to 10,000, default 256.
   */
  maxYielded?: number
  /**
   * With `fairnessKey`: number of such records of one fairness key from which on no further record of that key starts on this
   * worker. 1 to 10,000, default 32.
   */
  maxYieldedPerFairnessKey?: number
  /** How a failed record is tried again: for ever where nothing else is said. */
  retry?: RetryOptions
  /** Where records go that are given up. */
  deadLetter?: DeadLetterPort
  /** When to hold all records back because something that they need fails. */
  breaker?: BreakerOptions
  /** Milliseconds that one call of a handler may take. 100 to 86,400,000 (a day), default 300,000 (five minutes). */
  handlerTimeoutMs?: number
}

export interface BatchOptions {
  /** Records of a batch at most. 1 to 10,000, default 100. */
  maxRecords?: number
  /** Milliseconds that a record waits for its batch to fill. 0 to 300,000, default 0: a batch is what is there. */
  maxWaitMs?: number
  /** Bytes of data of a batch at most; a record of more goes alone. 1 to 268,435,456, default 6,291,456 (6 MiB). */
  maxBytes?: number
}

export interface RetryOptions {
  /** Milliseconds before the first retry, about. Over 0, default 200. */
  firstMs?: number
  /** Milliseconds between two tries at most; each wait is twice the one before. Up to 3,600,000, default 30,000. */
  maxMs?: number
  /** Tries that count before a record goes to `deadLetter`. 1 to 1,000,000, default no bound. */
  maxAttempts?: number
  /** Milliseconds since it arrived after which a failed record goes to `deadLetter`. 1 to 31,536,000,000, default no bound. */
  maxAgeMs?: number
  /** What an error means. Default `classifyError`. */
  classify?(error: unknown): ErrorClass
}

export interface BreakerOptions {
  /** Failures of a dependency in a row, over all shards, that open the breaker. 1 to 1,000,000, default 20. */
  failures?: number
  /** Milliseconds before the first try after it opened, about. Over 0, default 1,000. */
  firstMs?: number
  /** Milliseconds between two tries at most. Up to 3,600,000, default 30,000. */
  maxMs?: number
}

/** Whether records are handled one by one or in batches. */
export type Work =
  | { readonly kind: 'records'; readonly handler: RecordHandler }
  | { readonly kind: 'batches'; readonly handler: BatchHandler; readonly limits: BatchLimits }

/** Whom a record belongs to, and how many of one key may have a place. */
export interface FairnessPolicy {
  readonly keyOf: (record: ConsumerRecord) => string | undefined
  readonly maxRunningPerKey: number
}

export interface ResolvedProcessing {
  readonly work: Work
  readonly concurrency: number
  readonly fairness: FairnessPolicy | undefined
  readonly yields: YieldLimits
  readonly retry: RetryPolicy
  readonly deadLetter: DeadLetterPort | undefined
  readonly breaker: BreakerPolicy
  readonly handlerTimeoutMs: number
}

export const PROCESSING_NAMES: Record<keyof ProcessingOptions, true> = {
  handler: true,
  batchHandler: true,
  batch: true,
  concurrency: true,
  fairnessKey: true,
  concurrencyPerFairnessKey: true,
  maxYielded: true,
  maxYieldedPerFairnessKey: true,
  retry: true,
  deadLetter: true,
  breaker: true,
  handlerTimeoutMs: true,
}
const BATCH_NAMES: Record<keyof BatchOptions, true> = { maxRecords: true, maxWaitMs: true, maxBytes: true }
const BREAKER_NAMES: Record<keyof BreakerOptions, true> = { failures: true, firstMs: true, maxMs: true }
const RETRY_NAMES: Record<keyof RetryOptions, true> = {
  firstMs: true,
  maxMs: true,
  maxAttempts: true,
  maxAgeMs: true,
  classify: true,
}

const MIB = 1024 ** 2
const RECORD_CONCURRENCY: Bounds = [1, 1_000, 16]
const BATCH_CONCURRENCY: Bounds = [1, 1_000, 1]
const MAX_BACKOFF_MS = 3_600_000

/** @throws ConsumerOptionError naming the option, the value and what was expected */
export function resolveProcessing(options: ProcessingOptions): ResolvedProcessing {
  const work = workOf(options)
  const bounds = work.kind === 'records' ? RECORD_CONCURRENCY : BATCH_CONCURRENCY
  const concurrency = boundedNumber('concurrency', options.concurrency, bounds)
  return Object.freeze({
    work,
    concurrency,
    ...fairnessOf(options, work, concurrency),
    retry: retryPolicy(options),
    deadLetter: optionalFunction('deadLetter', options.deadLetter),
    breaker: breakerPolicy(options.breaker ?? {}),
    handlerTimeoutMs: boundedNumber('handlerTimeoutMs', options.handlerTimeoutMs, [100, 86_400_000, 300_000]),
  })
}

function workOf({ handler, batchHandler, batch }: ProcessingOptions): Work {
  if (batchHandler === undefined) {
    if (typeof handler !== 'function') {
      throw wrong('handler', handler, "a function, or 'batchHandler' one: exactly one of the two is given")
    }
    if (batch !== undefined) throw wrong('batch', batch, "left out without a 'batchHandler'")
    return { kind: 'records', handler }
  }
  if (typeof batchHandler !== 'function') throw wrong('batchHandler', batchHandler, 'a function')
  if (handler !== undefined) throw wrong('handler', handler, "left out where there is a 'batchHandler'")
  return { kind: 'batches', handler: batchHandler, limits: batchLimits(onlyKnown('batch', batch ?? {}, BATCH_NAMES)) }
}

/** Of the places of a shard, what one fairness key may have. The rest is for the others, whatever that key's records do. */
const KEY_SHARE = 0.75

function fairnessOf(
  options: ProcessingOptions,
  work: Work,
  concurrency: number,
): Pick<ResolvedProcessing, 'fairness' | 'yields'> {
  const { concurrencyPerFairnessKey, maxYielded, maxYieldedPerFairnessKey } = options
  const keyOf = optionalFunction('fairnessKey', options.fairnessKey)
  if (work.kind === 'batches') {
    for (const [name, value] of Object.entries({ fairnessKey: keyOf, maxYielded })) {
      if (value !== undefined) throw wrong(name, value, "left out where there is a 'batchHandler'")
    }
  }
  if (keyOf === undefined) {
    for (const [name, value] of Object.entries({ concurrencyPerFairnessKey, maxYieldedPerFairnessKey })) {
      if (value !== undefined) throw wrong(name, value, "left out without a 'fairnessKey'")
    }
  }
  const share = Math.max(1, Math.floor(concurrency * KEY_SHARE))
  const maxRunningPerKey = boundedNumber('concurrencyPerFairnessKey', concurrencyPerFairnessKey, [1, 1_000, share])
  return {
    fairness: keyOf && Object.freeze({ keyOf, maxRunningPerKey }),
    yields: Object.freeze({
      maxYielded: boundedNumber('maxYielded', maxYielded, [0, 10_000, 256]),
      maxYieldedPerKey: boundedNumber('maxYieldedPerFairnessKey', maxYieldedPerFairnessKey, [1, 10_000, 32]),
    }),
  }
}

function batchLimits({ maxRecords, maxWaitMs, maxBytes }: BatchOptions): BatchLimits {
  return Object.freeze({
    maxRecords: boundedNumber('batch.maxRecords', maxRecords, [1, 10_000, 100]),
    maxWaitMs: boundedNumber('batch.maxWaitMs', maxWaitMs, [0, 300_000, 0]),
    maxBytes: boundedNumber('batch.maxBytes', maxBytes, [1, 256 * MIB, 6 * MIB]),
  })
}

function retryPolicy({ retry = {}, deadLetter }: ProcessingOptions): RetryPolicy {
  const { maxAttempts, maxAgeMs } = onlyKnown('retry', retry, RETRY_NAMES)
  const classify = optionalFunction('retry.classify', retry.classify)
  if (deadLetter === undefined) {
    // A record that is given up must have somewhere to go: it is never skipped.
    for (const [name, value] of Object.entries({ maxAttempts, maxAgeMs, classify })) {
      if (value !== undefined)
        throw wrong(`retry.${name}`, value, "left out without a 'deadLetter' for what is given up")
    }
  }
  return Object.freeze({
    ...backoff('retry', { firstMs: 200, maxMs: 30_000 }, retry),
    maxAttempts: boundedNumber('retry.maxAttempts', maxAttempts, [1, 1_000_000, Number.POSITIVE_INFINITY]),
    maxAgeMs: boundedNumber('retry.maxAgeMs', maxAgeMs, [1, 31_536_000_000, Number.POSITIVE_INFINITY]),
    classify: classify ?? classifyError,
  })
}

function breakerPolicy(breaker: BreakerOptions): BreakerPolicy {
  const { failures } = onlyKnown('breaker', breaker, BREAKER_NAMES)
  return Object.freeze({
    ...backoff('breaker', { firstMs: 1_000, maxMs: 30_000 }, breaker),
    failures: boundedNumber('breaker.failures', failures, [1, 1_000_000, 20]),
  })
}

function backoff(name: string, defaults: BackoffSettings, given: Partial<BackoffSettings>): BackoffSettings {
  const { firstMs = defaults.firstMs, maxMs = defaults.maxMs } = given
  if (firstMs > 0 && maxMs >= firstMs && maxMs <= MAX_BACKOFF_MS) return { firstMs, maxMs }
  throw wrong(name, { firstMs, maxMs }, '{ firstMs, maxMs } with 0 < firstMs <= maxMs <= 3,600,000')
}

// biome-ignore lint/complexity/noBannedTypes: any function whatever, given back as what it was.
function optionalFunction<T extends Function>(name: string, value: T | undefined): T | undefined {
  if (value === undefined || typeof value === 'function') return value
  throw wrong(name, value, 'a function')
}
