import type { Checkpoint } from '../checkpoint.ts'
import type { Clock } from '../clock.ts'
import { LeaseLostError } from '../errors.ts'
import type { HeldLease } from './held-lease.ts'

export interface LeaseKeeperSettings {
  lease: HeldLease
  /** Returns the progress of the shard. Called before every write. */
  progress(): Checkpoint
  clock: Clock
  failoverMs: number
  onFault(error: unknown): void
}

/** The interval of KCL: three renewals within the failover time, the last one shortly before its end. */
const renewInterval = (failoverMs: number) => failoverMs / 3 - 25

/** Renews a lease while it is held. After a failed write, it retries after a quarter of the interval. */
export async function keepLease({ lease, progress, clock, failoverMs, onFault }: LeaseKeeperSettings): Promise<void> {
  const interval = renewInterval(failoverMs)
  let wait = interval
  for (;;) {
    await clock.sleep(wait, lease.signal)
    if (!lease.isValid()) return
    try {
      await lease.heartbeat(progress())
      wait = interval
    } catch (error) {
      if (error instanceof LeaseLostError) return
      onFault(error)
      wait = interval / 4
    }
  }
}
