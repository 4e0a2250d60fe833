import type { KinesisConsumer } from '../../consumer/index.ts'
import { jsonPage, type Page, type Pages } from '../../platform/operator-port.ts'
import type { StuckShard } from './stuck-shards.ts'

export interface HealthReport {
  ok: boolean
  /** Returned in the response as it is. */
  details?: Record<string, unknown>
}

export interface HealthPagesSettings {
  /** Not ok: the process should be restarted. */
  live(): HealthReport
  /** Not ok: the process can't do its work now. */
  ready(): HealthReport
}

/** Returns the pages /livez and /readyz: 200 or 503, with the report as JSON. */
export function healthPages({ live, ready }: HealthPagesSettings): Pages {
  return { '/livez': () => healthPage(live()), '/readyz': () => healthPage(ready()) }
}

function healthPage({ ok, details }: HealthReport): Page {
  return jsonPage(ok ? 200 : 503, { ...details, status: ok ? 'ok' : 'unavailable' })
}

/** If the lease table has not been read for this many failover times, the worker's loop hangs or DynamoDB can't be reached. */
const STUCK_AFTER_FAILOVERS = 6

/** Minimum time allowed for a start, in milliseconds: DynamoDB may have to create the lease table. */
const START_MS = 60_000

type ConsumerHealth = Pick<KinesisConsumer, 'millisSinceScan' | 'snapshot' | 'workerId' | 'paused'>

export interface LivenessSettings {
  failoverMs: number
  /** Monotonic milliseconds since the worker was started. */
  millisSinceStart: number
  stuck: readonly StuckShard[]
}

/**
 * Reports whether the worker is alive. A worker that has not read the lease table yet is alive for as long as a start may take. A
 * worker with a stuck shard is alive unless a handler hangs, because a restart helps only then.
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

/**
 * Reports whether the worker does its work: it has read the lease table, and every shard that it holds makes progress. A paused worker
 * is ready, and the report says who paused it.
 */
export function ready(consumer: ConsumerHealth, stuck: readonly StuckShard[]): HealthReport {
  return {
    ok: consumer.millisSinceScan !== undefined && stuck.length === 0,
    details: {
      workerId: consumer.workerId,
      ...(consumer.paused && { paused: consumer.paused }),
      ...(stuck.length > 0 && { stuck }),
      shards: consumer.snapshot(),
    },
  }
}
