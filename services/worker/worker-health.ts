import type { KinesisConsumer } from '../consumer/index.ts'
import type { HealthReport } from './health.ts'

/** Without a look at the lease table for this many failover times, the worker's loop is stuck or DynamoDB is out of reach. */
const STUCK_AFTER_FAILOVERS = 6

/** How long a start may take at least: DynamoDB may have to make the lease table first. */
const START_MS = 60_000

type ConsumerHealth = Pick<KinesisConsumer, 'millisSinceScan' | 'snapshot' | 'workerId'>

export interface LivenessSettings {
  failoverMs: number
  /** Monotonic milliseconds since the worker was started. */
  millisSinceStart: number
}

/** Whether the worker should be left alone. One that has not come to its first scan yet is, for as long as a start may take. */
export function live(consumer: ConsumerHealth, { failoverMs, millisSinceStart }: LivenessSettings): HealthReport {
  const { millisSinceScan, workerId } = consumer
  const bound = STUCK_AFTER_FAILOVERS * failoverMs
  return {
    ok: millisSinceScan === undefined ? millisSinceStart < Math.max(bound, START_MS) : millisSinceScan < bound,
    details: { workerId, millisSinceStart, millisSinceScan },
  }
}

/** Whether the worker shares in the work: it has read the lease table to the end. */
export function ready(consumer: ConsumerHealth): HealthReport {
  return {
    ok: consumer.millisSinceScan !== undefined,
    details: { workerId: consumer.workerId, shards: consumer.snapshot() },
  }
}
