import { backoffMs } from './backoff.ts'
import type { CallLimit } from './call-limit.ts'
import { ERROR_CLASSES, type ErrorClass } from './classify.ts'
import type { DeadLetterPort } from './dead-letter.ts'
import type { Job } from './job.ts'
import { type RetryPolicy, whyGiveUp } from './retry-policy.ts'
import type { ShardContext } from './shard-context.ts'

export interface FailureHandlerSettings {
  shard: ShardContext
  retry: RetryPolicy
  deadLetter: DeadLetterPort | undefined
  calls: CallLimit
}

/** What becomes of the records of a shard that fail, and the telling of it. */
export class FailureHandler {
  readonly #settings: FailureHandlerSettings

  constructor(settings: FailureHandlerSettings) {
    this.#settings = settings
  }

  /** The class of an error. A `classify` that throws or answers anything else makes nothing worse: the record is retried. */
  classify(error: unknown): ErrorClass {
    const { shard, retry } = this.#settings
    try {
      const answer = retry.classify(error)
      if (ERROR_CLASSES.has(answer)) return answer
      Promise.resolve(answer).catch(() => undefined) // A promise is as wrong when it rejects, and nobody waits for it.
      throw new TypeError(`retry.classify gave ${String(answer)}, which is no class of errors.`)
    } catch (fault) {
      shard.events.emit('fault', { operation: 'retry.classify', shardId: shard.shardId, error: fault })
      return 'retry'
    }
  }

  /** Milliseconds until a batch that failed as a whole is tried again. */
  backoff(failures: number): number {
    return backoffMs(this.#settings.retry, failures, this.#settings.shard.random)
  }

  /**
   * Counts a failure that is the record's own.
   *
   * @returns milliseconds until it is tried again, or undefined where it is given up: then it is to be buried
   */
  judge(job: Job, error: unknown, errorClass: ErrorClass): number | undefined {
    const { shard, retry, deadLetter } = this.#settings
    const { record } = job
    job.failures++
    if (errorClass !== 'dependency') job.attempts++
    const { attempts } = job
    const ageMs = shard.wallClock() - record.arrivedAt.getTime()
    const reason = deadLetter && whyGiveUp({ errorClass, attempts, ageMs }, retry)
    if (reason) {
      job.finalFailure = { error, attempts, reason }
      return undefined
    }
    const retryInMs = this.backoff(job.failures)
    const { shardId, events } = shard
    const { sequenceNumber } = record
    events.emit('recordFailed', { shardId, sequenceNumber, attempt: job.tries, retryInMs, error })
    return retryInMs
  }

  /**
   * Asks the dead-letter port once to store a record that was given up.
   *
   * @returns undefined once it is stored, or else milliseconds until the port is to be asked again
   */
  async storeDeadLetter(job: Job): Promise<number | undefined> {
    const { shard, deadLetter, calls } = this.#settings
    const { shardId, fencingToken, events } = shard
    const { record, finalFailure } = job
    if (!deadLetter || !finalFailure) throw new Error('Only a record that was given up has a dead letter.')
    const { sequenceNumber } = record
    try {
      await calls.run(async call => {
        await deadLetter(record, finalFailure, {
          get signal() {
            return call.signal
          },
          fencingToken,
        })
      })
    } catch (error) {
      const retryInMs = this.backoff(++job.deadLetterFailures)
      const { attempts, reason } = finalFailure
      events.emit('deadLetterFailed', { shardId, sequenceNumber, attempts, reason, retryInMs, error })
      return retryInMs
    }
    events.emit('recordDeadLettered', { shardId, sequenceNumber, ...finalFailure })
    return undefined
  }
}
