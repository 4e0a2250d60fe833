import { backoffMs } from './backoff.ts'
import type { CallLimit } from './call-limit.ts'
import { ERROR_CLASSES, type ErrorClass } from './classify.ts'
import type { DeadLetterPort } from './dead-letter.ts'
import type { Job } from './job.ts'
import { type RetryPolicy, whyGiveUp } from './retry-policy.ts'
import { currentSignal, type ShardContext } from './shard-context.ts'

export interface FailureHandlerSettings {
  shard: ShardContext
  retry: RetryPolicy
  deadLetter: DeadLetterPort | undefined
  calls: CallLimit
}

/** Decides what happens to failed records of a shard, stores their dead letters, and emits the events. */
export class FailureHandler {
  readonly #settings: FailureHandlerSettings

  constructor(settings: FailureHandlerSettings) {
    this.#settings = settings
  }

  /** Returns the class of an error. If `classify` throws or returns an invalid class, the error counts as `retry`. */
  classify(error: unknown): ErrorClass {
    const { shard, retry } = this.#settings
    try {
      const answer = retry.classify(error)
      if (ERROR_CLASSES.has(answer)) return answer
      Promise.resolve(answer).catch(() => undefined) // A promise is also invalid. Its rejection is handled here because nobody waits for it.
      throw new TypeError(`retry.classify returned ${String(answer)}, which is not an error class.`)
    } catch (fault) {
      shard.events.emit('fault', { operation: 'retry.classify', shardId: shard.shardId, error: fault })
      return 'retry'
    }
  }

  /** Returns the milliseconds until the next attempt. */
  backoff(failures: number): number {
    return backoffMs(this.#settings.retry, failures, this.#settings.shard.random)
  }

  /**
   * Counts a failure of the record itself.
   *
   * @returns the milliseconds until the next attempt, or undefined if the record is given up and needs a dead letter
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
    events.emit('recordFailed', { shardId, sequenceNumber, attempt: job.tries, retryInMs, error, record })
    return retryInMs
  }

  /**
   * Calls the dead-letter port once for a record that was given up.
   *
   * @returns undefined once the record is stored, otherwise the milliseconds until the port is to be called again
   */
  async storeDeadLetter(job: Job): Promise<number | undefined> {
    const { shard, deadLetter, calls } = this.#settings
    const { shardId, fencingToken, events } = shard
    const { record, finalFailure } = job
    if (!deadLetter || !finalFailure) throw new Error('A record must be given up before its dead letter is stored.')
    const { sequenceNumber } = record
    try {
      await calls.run(async call => {
        await deadLetter(record, finalFailure, {
          get signal() {
            return currentSignal(shard, call)
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
