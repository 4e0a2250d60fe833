import type { BatchHandler } from '../record.ts'
import { halves, judgeBatch } from './bisect.ts'
import type { Permit } from './breaker.ts'
import { admit, confirmPermit, HandlerContext } from './handler-admission.ts'
import type { Job } from './job.ts'
import type { RunnerSettings } from './record-runner.ts'

/** A batch, or a part of it that is left after a failure. */
interface Piece {
  readonly jobs: readonly Job[]
  /** Number of times in a row that this piece failed unchanged. */
  readonly failures: number
}

/** The records left after an attempt, in order, and the wait before they are retried. */
interface Remainder {
  readonly pieces: readonly Piece[]
  readonly waitMs: number
}

/** A call of the handler that has ended. */
interface HandlerCall {
  readonly permit: Permit
  readonly attempt: number
  /** Monotonic milliseconds. */
  readonly startedAt: number
}

const DONE: Remainder = { pieces: [], waitMs: 0 }

/** Runs batches of records through the handler, and finds the records that make a batch fail. */
export class BatchRunner {
  readonly #handler: BatchHandler
  readonly #settings: RunnerSettings

  constructor(handler: BatchHandler, settings: RunnerSettings) {
    this.#handler = handler
    this.#settings = settings
  }

  /**
   * Resolves when every record of the batch is done, or when no further work may start. The records left after a
   * failure run before anything else, the earlier ones first, so that no record overtakes another one of its key.
   */
  async run(batch: readonly Job[]): Promise<void> {
    const { shard, closing } = this.#settings
    const left: Piece[] = [{ jobs: batch, failures: 0 }]
    for (let piece = left.pop(); piece && !closing.aborted; piece = left.pop()) {
      const remainder = await this.#try(piece)
      if (!remainder) return
      left.push(...remainder.pieces.toReversed())
      if (remainder.waitMs > 0) await shard.clock.sleep(remainder.waitMs, closing)
    }
  }

  /** Resolves to undefined if nothing may start any more. */
  async #try(piece: Piece): Promise<Remainder | undefined> {
    const { shard, calls, closing, settle } = this.#settings
    // No turn of the event loop may pass before the call: the handler of another batch may block it until the lease has
    // expired.
    const admission = admit(shard, closing)
    const permit = admission instanceof Promise ? confirmPermit(shard, await admission) : admission
    if (permit === undefined) return undefined
    const { shardId, clock, events, signal } = shard
    const records = piece.jobs.map(job => job.record)
    const attempt = piece.jobs.reduce((max, job) => Math.max(max, ++job.tries), 0)
    const handlerCall = { permit, attempt, startedAt: clock.now() }
    events.emit('batchStarted', { shardId, records: records.length, attempt })
    try {
      await calls.run(call => this.#handler(records, new HandlerContext(shard, attempt, call)))
    } catch (error) {
      if (!signal.aborted) return this.#afterFailure(piece, error, handlerCall)
      shard.breaker.settle(permit, 'other')
      return undefined
    }
    shard.breaker.settle(permit, 'success')
    for (const job of piece.jobs) settle(job)
    this.#emitHandled(piece.jobs, 0, handlerCall)
    return DONE
  }

  #afterFailure(piece: Piece, error: unknown, handlerCall: HandlerCall): Remainder | Promise<Remainder | undefined> {
    const { jobs } = piece
    const verdict = judgeBatch(
      jobs.map(job => job.record),
      error,
    )
    if (verdict.kind === 'all failed' && jobs.length > 1) return this.#allFailed(piece, error, handlerCall)
    const errors = new Map<Job, unknown>()
    if (verdict.kind === 'all failed') for (const job of jobs) errors.set(job, error)
    else
      for (const { index, error: reason } of verdict.failed) {
        const job = jobs[index]
        if (job) errors.set(job, reason)
      }
    return this.#someFailed(jobs, errors, handlerCall)
  }

  /**
   * The error does not say which record failed, so each half is retried alone. After a failure of a dependency, the
   * batch is retried unchanged.
   */
  #allFailed({ jobs, failures: before }: Piece, error: unknown, { permit }: HandlerCall): Remainder {
    const { shard, failures } = this.#settings
    const isDependency = failures.classify(error) === 'dependency'
    shard.breaker.settle(permit, isDependency ? 'dependency failure' : 'other')
    const pieces = isDependency
      ? [{ jobs, failures: before + 1 }]
      : halves(jobs).map(half => ({ jobs: half, failures: 0 }))
    const waitMs = failures.backoff(isDependency ? before + 1 : 1)
    const { shardId, events } = shard
    events.emit('batchFailed', { shardId, records: jobs.length, halved: !isDependency, retryInMs: waitMs, error })
    return { pieces, waitMs }
  }

  /** Decides about each failed record on its own. The other records are done. */
  async #someFailed(
    jobs: readonly Job[],
    errors: ReadonlyMap<Job, unknown>,
    handlerCall: HandlerCall,
  ): Promise<Remainder | undefined> {
    const { shard, failures, settle } = this.#settings
    const failed = [...errors].map(([job, error]) => ({ job, error, errorClass: failures.classify(error) }))
    const isDependency = failed.some(({ errorClass }) => errorClass === 'dependency')
    if (isDependency) shard.breaker.settle(handlerCall.permit, 'dependency failure')
    else shard.breaker.settle(handlerCall.permit, failed.length < jobs.length ? 'success' : 'other')
    for (const job of jobs) if (!errors.has(job)) settle(job)
    this.#emitHandled(jobs, errors.size, handlerCall)

    const retries: Job[] = []
    let waitMs = 0
    for (const { job, error, errorClass } of failed) {
      const retryInMs = failures.judge(job, error, errorClass)
      if (retryInMs === undefined) continue
      retries.push(job)
      waitMs = Math.max(waitMs, retryInMs)
    }
    for (const { job } of failed) if (job.finalFailure && !(await this.#storeDeadLetter(job))) return undefined
    return retries.length === 0 ? DONE : { pieces: [{ jobs: retries, failures: 0 }], waitMs }
  }

  /** Resolves to true once the dead letter is stored, and to false if nothing may start any more. */
  async #storeDeadLetter(job: Job): Promise<boolean> {
    const { shard, failures, closing, settle } = this.#settings
    while (!closing.aborted && shard.mayStart()) {
      const retryInMs = await failures.storeDeadLetter(job)
      if (retryInMs === undefined) {
        settle(job)
        return true
      }
      await shard.clock.sleep(retryInMs, closing)
    }
    return false
  }

  #emitHandled(jobs: readonly Job[], failed: number, { attempt, startedAt }: HandlerCall): void {
    const { shardId, events, clock } = this.#settings.shard
    events.emit('batchHandled', { shardId, records: jobs.length, attempt, failed, ms: clock.now() - startedAt })
  }
}
