import type { EventTopic } from '../insight/emitter.ts'
import type { RecordHandler } from '../record.ts'
import { admitted, HandlerContext } from './attempts.ts'
import type { CallLimit } from './call-limit.ts'
import type { Failures } from './failures.ts'
import type { Job } from './job.ts'
import type { LaneOutcome } from './lanes.ts'
import type { ShardContext } from './shard-context.ts'

export interface RunnerSettings {
  shard: ShardContext
  failures: Failures
  calls: CallLimit
  /** Fires when no more work is to start. */
  closing: AbortSignal
  /** The record is done, by its handler or as a dead letter. */
  settle(job: Job): void
}

/** Runs records through the handler one by one. */
export class RecordRunner {
  readonly #handler: RecordHandler
  readonly #settings: RunnerSettings
  readonly #started: EventTopic
  readonly #handled: EventTopic

  constructor(handler: RecordHandler, settings: RunnerSettings) {
    const { events } = settings.shard
    this.#handler = handler
    this.#settings = settings
    this.#started = events.topic('recordStarted')
    this.#handled = events.topic('recordHandled')
  }

  async run(job: Job): Promise<LaneOutcome> {
    const { shard, failures, calls, closing } = this.#settings
    if (job.givenUp) return this.#bury(job)
    const admission = admitted(shard, closing)
    const permit = admission instanceof Promise ? await admission : admission
    if (permit === undefined) return 'stopped'
    const attempt = ++job.tries
    const { shardId, events } = shard
    const { sequenceNumber } = job.record
    const startedAt = this.#handled.isObserved ? shard.clock.now() : undefined
    if (this.#started.isObserved) events.emit('recordStarted', { shardId, sequenceNumber, attempt })
    const call = calls.begin()
    try {
      await call.outcome(this.#handler(job.record, new HandlerContext(shard, attempt, call)))
    } catch (thrown) {
      calls.end(call)
      if (shard.signal.aborted) {
        shard.breaker.settle(permit, 'other')
        return 'stopped'
      }
      const error = calls.failure(call, thrown)
      const errorClass = failures.classify(error)
      shard.breaker.settle(permit, errorClass === 'dependency' ? 'dependency failure' : 'other')
      const retryInMs = failures.judge(job, error, errorClass)
      return retryInMs === undefined ? this.#bury(job) : this.#later(retryInMs)
    }
    calls.end(call)
    shard.breaker.settle(permit, 'success')
    this.#settings.settle(job)
    if (startedAt !== undefined) {
      events.emit('recordHandled', { shardId, sequenceNumber, attempt, ms: shard.clock.now() - startedAt })
    }
    return 'done'
  }

  async #bury(job: Job): Promise<LaneOutcome> {
    const { shard, failures, settle } = this.#settings
    if (shard.signal.aborted || !shard.mayStart()) return 'stopped'
    const retryInMs = await failures.bury(job)
    if (retryInMs !== undefined) return this.#later(retryInMs)
    settle(job)
    return 'done'
  }

  #later(ms: number): LaneOutcome {
    return { later: this.#settings.shard.clock.sleep(ms, this.#settings.closing) }
  }
}
