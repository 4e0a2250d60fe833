import type { HandlerTimeoutError } from '../errors.ts'
import type { RecordHandler } from '../record.ts'
import type { Permit } from './breaker.ts'
import type { Call, CallLimit } from './call-limit.ts'
import type { FailureHandler } from './failure-handler.ts'
import { admit, confirmPermit, HandlerContext } from './handler-admission.ts'
import type { Job } from './job.ts'
import type { LaneOutcome } from './job-runner.ts'
import type { RecordListeners } from './record-listeners.ts'
import type { ShardContext } from './shard-context.ts'

export interface RunnerSettings {
  shard: ShardContext
  failures: FailureHandler
  calls: CallLimit
  /** Fires when no further work may start. */
  closing: AbortSignal
  /** Called when the record is done, by its handler or as a dead letter. */
  settle(job: Job): void
}

/** A call of the handler in flight. */
interface HandlerCall {
  readonly job: Job
  readonly permit: Permit
  readonly call: Call
  /** Monotonic milliseconds. */
  readonly startedAt: number
}

/** The callbacks for the promises of handlers. */
interface Listeners {
  readonly resolved: () => void
  readonly rejected: (error: unknown) => void
}

/**
 * Runs records through the handler, one at a time. A handler that is done when it returns costs no promise, and one
 * that returns a promise costs only that one: the callbacks are created once and not for each record.
 */
export class RecordRunner {
  readonly #handler: RecordHandler
  readonly #settings: RunnerSettings
  readonly #topics: RecordListeners
  readonly #ended: (outcome: LaneOutcome) => void
  readonly #yieldPlace: () => boolean
  #current: HandlerCall | undefined
  #listeners = this.#listen()

  /**
   * @param ended called with the outcome of each job for which `run` returned undefined
   * @param yieldPlace gives the place of the running job to another one
   */
  constructor(
    handler: RecordHandler,
    { topics, ...settings }: RunnerSettings & { topics: RecordListeners },
    ended: (outcome: LaneOutcome) => void,
    yieldPlace: () => boolean,
  ) {
    this.#handler = handler
    this.#settings = settings
    this.#topics = topics
    this.#ended = ended
    this.#yieldPlace = yieldPlace
  }

  run(job: Job): LaneOutcome | undefined {
    if (job.finalFailure) return this.#storeDeadLetter(job)
    const { shard, closing } = this.#settings
    const now = shard.clock.now()
    const admission = admit(shard, closing, now)
    if (!(admission instanceof Promise)) return this.#call(job, admission, now)
    void admission.then(permit => {
      const startedAt = shard.clock.now()
      this.#report(this.#call(job, confirmPermit(shard, permit, startedAt), startedAt))
    })
    return undefined
  }

  #call(job: Job, permit: Permit | undefined, startedAt: number): LaneOutcome | undefined {
    if (permit === undefined) return 'stopped'
    const { shard, calls } = this.#settings
    const { record } = job
    const attempt = ++job.tries
    this.#topics.refresh(startedAt)
    if (this.#topics.isStartObserved) {
      const { shardId, events } = shard
      events.emit('recordStarted', { shardId, sequenceNumber: record.sequenceNumber, attempt })
    }
    const call = calls.begin(startedAt, this.#abandon)
    const current = { job, permit, call, startedAt }
    let result: unknown
    try {
      result = this.#handler(record, new HandlerContext(shard, attempt, call, this.#yieldPlace))
    } catch (thrown) {
      return this.#fail(current, thrown)
    }
    if (result === undefined) return this.#succeed(current)
    this.#current = current
    // An untyped handler may return anything.
    Promise.resolve(result).then(this.#listeners.resolved, this.#listeners.rejected)
    return undefined
  }

  #listen(): Listeners {
    const listeners: Listeners = {
      resolved: () => {
        if (this.#current && this.#listeners === listeners) this.#report(this.#succeed(this.#current))
      },
      rejected: error => {
        if (this.#current && this.#listeners === listeners) this.#report(this.#fail(this.#current, error))
      },
    }
    return listeners
  }

  /** Replaces the callbacks, so that the promise of an abandoned call is ignored. */
  readonly #abandon = (error: HandlerTimeoutError) => {
    this.#listeners = this.#listen()
    if (this.#current) this.#report(this.#fail(this.#current, error))
  }

  #succeed({ job, permit, call, startedAt }: HandlerCall): LaneOutcome {
    const { shard, calls, settle } = this.#settings
    calls.end(call)
    shard.breaker.settle(permit, 'success')
    settle(job)
    if (this.#topics.isEndObserved) {
      const { shardId, events, clock } = shard
      const { sequenceNumber } = job.record
      events.emit('recordHandled', { shardId, sequenceNumber, attempt: job.tries, ms: clock.now() - startedAt })
    }
    return 'done'
  }

  #fail({ job, permit, call }: HandlerCall, thrown: unknown): LaneOutcome | undefined {
    const { shard, failures, calls } = this.#settings
    calls.end(call)
    if (shard.signal.aborted) {
      shard.breaker.settle(permit, 'other')
      return 'stopped'
    }
    const error = calls.failure(call, thrown)
    const errorClass = failures.classify(error)
    shard.breaker.settle(permit, errorClass === 'dependency' ? 'dependency failure' : 'other')
    const retryInMs = failures.judge(job, error, errorClass)
    return retryInMs === undefined ? this.#storeDeadLetter(job) : this.#retryLater(retryInMs)
  }

  #storeDeadLetter(job: Job): undefined {
    void this.#tryDeadLetter(job).then(this.#ended)
  }

  async #tryDeadLetter(job: Job): Promise<LaneOutcome> {
    const { shard, failures, settle } = this.#settings
    if (!shard.mayStart()) return 'stopped'
    const retryInMs = await failures.storeDeadLetter(job)
    if (retryInMs !== undefined) return this.#retryLater(retryInMs)
    settle(job)
    return 'done'
  }

  #retryLater(ms: number): LaneOutcome {
    return { later: this.#settings.shard.clock.sleep(ms, this.#settings.closing) }
  }

  #report(outcome: LaneOutcome | undefined): void {
    if (outcome !== undefined) this.#ended(outcome)
  }
}
