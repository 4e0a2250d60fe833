import type { KinesisConsumer } from '../consumer/index.ts'
import type { HealthReport } from './health.ts'

/** Without a look at the lease table for this many failover times, the worker's loop is stuck or DynamoDB is out of reach. */
const STUCK_AFTER_FAILOVERS = 6

type ConsumerHealth = Pick<KinesisConsumer, 'millisSinceScan' | 'snapshot' | 'workerId'>

/** Whether the worker should be left alone. One that has not come to its first scan yet is. */
export function live(consumer: ConsumerHealth, failoverMs: number): HealthReport {
  const millisSinceScan = consumer.millisSinceScan ?? 0
  return {
    ok: millisSinceScan < STUCK_AFTER_FAILOVERS * failoverMs,
    details: { workerId: consumer.workerId, millisSinceScan },
  }
}

/** Whether the worker shares in the work: it has read the lease table to the end. */
export function ready(consumer: ConsumerHealth): HealthReport {
  return {
    ok: consumer.millisSinceScan !== undefined,
    details: { workerId: consumer.workerId, shards: consumer.snapshot() },
  }
}
