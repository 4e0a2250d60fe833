import type { KinesisConsumer } from './consumer.ts'
import type { ConsumerState } from './metrics/metrics.ts'
import { onlyKnown } from './option-checks.ts'

/** Why a consumer is not live or not ready. */
export interface HealthReason {
  /**
   * `failed`: the consumer stopped because of its `failure`. `lease table`: the lease table has not been read for long.
   * `paused`: an operator or the program
   * paused the worker. `breaker`: a dependency fails, and no record starts. `stalled`: records of a shard wait and none is done. `unread`:
   * Kinesis has not answered for a shard for long. The others are states of the consumer.
   */
  code:
    | 'failed'
    | 'created'
    | 'starting'
    | 'stopping'
    | 'stopped'
    | 'lease table'
    | 'paused'
    | 'breaker'
    | 'stalled'
    | 'unread'
  /** One sentence for a person. */
  message: string
  /** The shard that the reason is about. */
  shardId?: string
}

/** The health of a consumer, for the probes of an orchestrator. */
export interface ConsumerHealth {
  /** False if only a restart of the process helps. */
  live: boolean
  /** False while the consumer does not do its work, for any reason. */
  ready: boolean
  /** The state of the consumer. */
  state: ConsumerState
  /** Why `ready` is false; empty if it is true. */
  reasons: HealthReason[]
}

/** Options of `healthOf`. */
export interface HealthOptions {
  /** Milliseconds without progress after which a shard counts as stalled or unread. Over 0, default 300,000. */
  stuckAfterMs?: number
}

/** If the lease table has not been read for this many failover times, the loop hangs or DynamoDB can't be reached. */
const FAILOVERS_WITHOUT_SCAN = 6

/** Minimum of that time in milliseconds, so that a short failover time does not cause restarts. */
const MIN_WITHOUT_SCAN_MS = 60_000

const NOT_RUNNING = {
  created: 'start() has not been called, or was rejected.',
  starting: 'The consumer waits for the stream or the lease table.',
  stopping: 'The consumer is stopping, and waits for running handlers.',
  stopped: 'The consumer has stopped.',
} as const

/**
 * Returns whether a consumer is live and ready, with the reasons. A failing handler does not make a consumer unready
 * until its shard makes no progress for `stuckAfterMs`.
 *
 * @throws ConsumerOptionError if the options have an unknown name
 */
export function healthOf(
  consumer: Pick<KinesisConsumer, 'state' | 'failure' | 'failoverMs' | 'metrics'>,
  options: HealthOptions = {},
): ConsumerHealth {
  const { stuckAfterMs = 300_000 } = onlyKnown(undefined, options, { stuckAfterMs: true })
  const { state, failure, failoverMs } = consumer
  const { scanAgeMs, paused, breaker, shards } = consumer.metrics()
  const reasons: HealthReason[] = []
  if (failure) reasons.push({ code: 'failed', message: failure.message })
  if (state !== 'running') reasons.push({ code: state, message: NOT_RUNNING[state] })

  const maxScanAgeMs = Math.max(FAILOVERS_WITHOUT_SCAN * failoverMs, MIN_WITHOUT_SCAN_MS)
  const isBlind = state === 'running' && scanAgeMs !== undefined && scanAgeMs > maxScanAgeMs
  if (isBlind) {
    const message = `The lease table has not been read for ${secondsOf(scanAgeMs)} s.`
    reasons.push({ code: 'lease table', message })
  }
  if (paused) {
    const { by, reason, at } = paused
    reasons.push({ code: 'paused', message: `The consumer is paused by ${by} since ${at.toISOString()}: ${reason}` })
  }
  if (breaker.state !== 'closed') {
    reasons.push({ code: 'breaker', message: 'A dependency fails, and no record starts until it recovers.' })
  }
  // The records of a paused worker wait on purpose.
  for (const { shardId, stalledMs, pending, fetchAgeMs = 0 } of paused ? [] : shards) {
    if (stalledMs > stuckAfterMs) {
      const message = `${pending} records of ${shardId} wait, and none was done for ${secondsOf(stalledMs)} s.`
      reasons.push({ code: 'stalled', message, shardId })
    } else if (pending === 0 && fetchAgeMs > stuckAfterMs) {
      const message = `Kinesis has not answered for ${shardId} for ${secondsOf(fetchAgeMs)} s.`
      reasons.push({ code: 'unread', message, shardId })
    }
  }
  return { live: failure === undefined && state !== 'stopped' && !isBlind, ready: reasons.length === 0, state, reasons }
}

const secondsOf = (ms: number) => Math.round(ms / 1_000)
