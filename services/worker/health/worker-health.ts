import type { KinesisConsumer } from '../../consumer/index.ts'
import { jsonPage, type Page, type Pages } from '../../platform/operator-port.ts'
import type { StuckShard } from './stuck-shards.ts'

export interface HealthReport {
  ok: boolean
  /** What a person would ask next. Goes into the answer as it is. */
  details?: Record<string, unknown>
}

export interface HealthPagesSettings {
  /** Not ok: the process is beyond help and should be replaced. */
  live(): HealthReport
  /** Not ok: the process cannot do its work now. */
  ready(): HealthReport
}

/** /livez and /readyz of the worker: 200 or 503, with the report as JSON. */
export function healthPages({ live, ready }: HealthPagesSettings): Pages {
  return { '/livez': () => healthPage(live()), '/readyz': () => healthPage(ready()) }
}

function healthPage({ ok, details }: HealthReport): Page {
  return jsonPage(ok ? 200 : 503, { ...details, status: ok ? 'ok' : 'unavailable' })
}

/** Without a look at the lease table for this many failover times, the worker's loop is stuck or DynamoDB is out of reach. */
const STUCK_AFTER_FAILOVERS = 6

/** How long a start may take at least: DynamoDB may have to make the lease table first. */
const START_MS = 60_000

type ConsumerHealth = Pick<KinesisConsumer, 'millisSinceScan' | 'snapshot' | 'workerId'>

export interface LivenessSettings {
  failoverMs: number
  /** Monotonic milliseconds since the worker was started. */
  millisSinceStart: number
  stuck: readonly StuckShard[]
}

/**
 * Whether the worker should be left alone. One that has not come to its first scan yet is, for as long as a start may take; so is
 * one with a shard that is stuck, unless its handlers hang: a restart mends nothing else.
 */
export function live(
  consumer: ConsumerHealth,
  { failoverMs, millisSinceStart, stuck }: LivenessSettings,
): HealthReport {
  const { millisSinceScan, workerId } = consumer
  const bound = STUCK_AFTER_FAILOVERS * failoverMs
  const scans = millisSinceScan === undefined ? millisSinceStart < Math.max(bound, START_MS) : millisSinceScan < bound
  const hung = stuck.filter(({ isHung }) => isHung)
  return {
    ok: scans && hung.length === 0,
    details: { workerId, millisSinceStart, millisSinceScan, ...(hung.length > 0 && { stuck: hung }) },
  }
}

/** Whether the worker shares in the work: it has read the lease table to the end, and every shard that it holds moves. */
export function ready(consumer: ConsumerHealth, stuck: readonly StuckShard[]): HealthReport {
  return {
    ok: consumer.millisSinceScan !== undefined && stuck.length === 0,
    details: {
      workerId: consumer.workerId,
      ...(stuck.length > 0 && { stuck }),
      shards: consumer.snapshot(),
    },
  }
}
