import { type Bounds, boundedNumber, onlyKnown, wrong } from '../option-checks.ts'
import type { BatchHandler, ConsumerRecord, RecordHandler } from '../record.ts'
import type { BackoffSettings } from './backoff.ts'
import type { BatchLimits } from './batch-queue.ts'
import type { BreakerPolicy } from './breaker.ts'
import { classifyError, type ErrorClass } from './classify.ts'
import type { DeadLetterPort } from './dead-letter.ts'
import { type Decoder, decodingBatchHandler, decodingHandler } from './decode.ts'
import type { RetryPolicy } from './retry-policy.ts'
import type { YieldLimits } from './yield-limit.ts'

/**
 * The options of a consumer for the handling of records. `T` is the type of the value that `decode` returns.
 */
export interface ProcessingOptions<T = undefined> {
  /**
   * Returns the value of a record, which handlers find in `record.value`. Put it before the handler, so that the compiler
   * infers its type. A record for which it throws fails with a DecodeError, and is retried like a record whose handler
   * rejects.
   */
  decode?: Decoder<T>
  /** Handles records one by one. Without `handler` and `batchHandler`, the program reads `consumer.records()`. */
  handler?: RecordHandler<NoInfer<T>>
  /** Handles records in batches of one shard. Not with `handler`. */
  batchHandler?: BatchHandler<NoInfer<T>>
  /** Limits of a batch. Only with `batchHandler`. */
  batch?: BatchOptions
  /**
   * With `handler`: maximum number of records of one shard handled at once, each of a different partition key. 1 to
   * 1,000, default 16. With `batchHandler`: maximum number of batches of one shard handled at once, without a common
   * partition key. 1 to 1,000, default 1.
   */
  concurrency?: number
  /**
   * With `handler`: returns the owner of a record, such as its tenant. Waiting records then start in turns, one of each
   * fairness key, instead of in the order of arrival. The order within a partition key does not change. The function is
   * called once per record while the record waits, so keep it cheap. Records for which it returns undefined or throws
   * share one key.
   */
  fairnessKey?: (record: ConsumerRecord) => string | undefined
  /**
   * With `fairnessKey`: maximum number of records of one fairness key and shard that have a place. 1 to 1,000, default
   * three quarters of `concurrency`.
   */
  concurrencyPerFairnessKey?: number
  /**
   * With `handler`: maximum number of records of this worker that have given up their place by `context.yieldPlace()`.
   * 0 to 10,000, default 256.
   */
  maxYielded?: number
  /**
   * With `fairnessKey`: a fairness key that has this many records without a place starts no further record on this
   * worker. 1 to 10,000, default 32.
   */
  maxYieldedPerFairnessKey?: number
  /** How a failed record is retried. By default without limit. */
  retry?: RetryOptions
  /** Stores records that are no longer retried. */
  deadLetter?: DeadLetterPort
  /** When to stop all records because a dependency fails. */
  breaker?: BreakerOptions
  /** Maximum milliseconds of one handler call. 100 to 86,400,000 (a day), default 300,000 (five minutes). */
  handlerTimeoutMs?: number
}

/** Limits of a batch. */
export interface BatchOptions {
  /** Maximum number of records of a batch. 1 to 10,000, default 100. */
  maxRecords?: number
  /**
   * Maximum milliseconds that a record waits for its batch to fill. 0 to 300,000, default 0: a batch has the records
   * that are available.
   */
  maxWaitMs?: number
  /**
   * Maximum bytes of data of a batch. A larger record forms a batch alone. 1 to 268,435,456, default 6,291,456 (6
   * MiB).
   */
  maxBytes?: number
}

/** How a failed record is retried, and when it is given up. */
export interface RetryOptions {
  /** Approximate milliseconds before the first retry. Over 0, default 200. */
  firstMs?: number
  /**
   * Maximum milliseconds between two attempts. Each wait is about twice the previous one. Up to 3,600,000, default
   * 30,000.
   */
  maxMs?: number
  /**
   * Maximum number of attempts that count, after which a record is passed to `deadLetter`. 1 to 1,000,000, default no
   * limit.
   */
  maxAttempts?: number
  /**
   * Maximum age of a failed record in milliseconds since its arrival, after which it is passed to `deadLetter`. 1 to
   * 31,536,000,000, default no limit.
   */
  maxAgeMs?: number
  /** Returns the class of an error. Default `classifyError`. */
  classify?(error: unknown): ErrorClass
}

/** When the circuit breaker stops all records because a dependency fails, and when it tries a record again. */
export interface BreakerOptions {
  /** Number of dependency failures in a row, over all shards, that open the breaker. 1 to 1,000,000, default 20. */
  failures?: number
  /** Approximate milliseconds before the first attempt after the breaker opened. Over 0, default 1,000. */
  firstMs?: number
  /** Maximum milliseconds between two attempts. Up to 3,600,000, default 30,000. */
  maxMs?: number
}

/** Whether records are handled one by one, in batches, or by the program that iterates over them. */
export type Work =
  | { readonly kind: 'records'; readonly handler: RecordHandler }
  /** The program reads `consumer.records()`. */
  | { readonly kind: 'iterated'; readonly decode: Decoder<unknown> | undefined }
  | { readonly kind: 'batches'; readonly handler: BatchHandler; readonly limits: BatchLimits }

/** The owner of a record, and how many records of one key may have a place. */
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
  decode: true,
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
export function resolveProcessing<T>(options: ProcessingOptions<T>): ResolvedProcessing {
  const work = workOf(options)
  if (work.kind === 'iterated') onlyForIteration(options)
  const bounds = work.kind !== 'batches' ? RECORD_CONCURRENCY : BATCH_CONCURRENCY
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

function workOf<T>({ handler, batchHandler, batch, decode }: ProcessingOptions<T>): Work {
  optionalFunction('decode', decode)
  if (handler === undefined && batchHandler === undefined) return { kind: 'iterated', decode }
  if (batchHandler === undefined) {
    if (typeof handler !== 'function') {
      throw wrong('handler', handler, "a function, unless there is a 'batchHandler'")
    }
    if (batch !== undefined) throw wrong('batch', batch, "omitted without a 'batchHandler'")
    // Without `decode` there is no value, and T is undefined.
    return { kind: 'records', handler: decode ? decodingHandler(handler, decode) : (handler as RecordHandler) }
  }
  if (typeof batchHandler !== 'function') throw wrong('batchHandler', batchHandler, 'a function')
  if (handler !== undefined) throw wrong('handler', handler, "omitted with a 'batchHandler'")
  const limits = batchLimits(onlyKnown('batch', batch ?? {}, BATCH_NAMES))
  return {
    kind: 'batches',
    handler: decode ? decodingBatchHandler(batchHandler, decode) : (batchHandler as BatchHandler),
    limits,
  }
}

/** Everything but `decode` is about handlers. */
function onlyForIteration<T>(options: ProcessingOptions<T>): void {
  for (const name of Object.keys(PROCESSING_NAMES) as Array<keyof ProcessingOptions>) {
    const value = options[name]
    if (name !== 'decode' && value !== undefined)
      throw wrong(name, value, "omitted without a 'handler' or 'batchHandler'")
  }
}

/** The share of the places of a shard that one fairness key may have. The rest stays free for other keys. */
const KEY_SHARE = 0.75

function fairnessOf<T>(
  options: ProcessingOptions<T>,
  work: Work,
  concurrency: number,
): Pick<ResolvedProcessing, 'fairness' | 'yields'> {
  const { concurrencyPerFairnessKey, maxYielded, maxYieldedPerFairnessKey } = options
  const keyOf = optionalFunction('fairnessKey', options.fairnessKey)
  if (work.kind === 'batches') {
    for (const [name, value] of Object.entries({ fairnessKey: keyOf, maxYielded })) {
      if (value !== undefined) throw wrong(name, value, "omitted with a 'batchHandler'")
    }
  }
  if (keyOf === undefined) {
    for (const [name, value] of Object.entries({ concurrencyPerFairnessKey, maxYieldedPerFairnessKey })) {
      if (value !== undefined) throw wrong(name, value, "omitted without a 'fairnessKey'")
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

function retryPolicy<T>({ retry = {}, deadLetter }: ProcessingOptions<T>): RetryPolicy {
  const { maxAttempts, maxAgeMs } = onlyKnown('retry', retry, RETRY_NAMES)
  const classify = optionalFunction('retry.classify', retry.classify)
  if (deadLetter === undefined) {
    // A record that is given up must be stored somewhere, so that no record is skipped.
    for (const [name, value] of Object.entries({ maxAttempts, maxAgeMs, classify })) {
      if (value !== undefined) throw wrong(`retry.${name}`, value, "omitted without a 'deadLetter'")
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

// biome-ignore lint/complexity/noBannedTypes: accepts any function and returns it with its own type.
function optionalFunction<T extends Function>(name: string, value: T | undefined): T | undefined {
  if (value === undefined || typeof value === 'function') return value
  throw wrong(name, value, 'a function')
}
