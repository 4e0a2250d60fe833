import type { Checkpoint } from '../checkpoint.ts'
import type { Clock, Random } from '../clock.ts'
import { LeaseLostError } from '../errors.ts'
import type { HeldLease } from './held-lease.ts'

export interface LeaseKeeperSettings {
  lease: HeldLease
  /** Returns the progress of the shard. Called before every write. */
  progress(): Checkpoint
  clock: Clock
  random: Random
  failoverMs: number
  onFault(error: unknown): void
}

/** The interval of KCL: three renewals within the failover time, the last one shortly before its end. */
const renewInterval = (failoverMs: number) => failoverMs / 3 - 25

/**
 * Renews a lease while it is held. After a failed write, it retries after a quarter of the interval. The first renewal
 * comes at a random time within the interval, so that the leases that a worker takes at once are renewed at different
 * times. The worker reads its notices with its renewals.
 */
export async function keepLease(settings: LeaseKeeperSettings): Promise<void> {
  const { lease, progress, clock, random, failoverMs, onFault } = settings
  const interval = renewInterval(failoverMs)
  let wait = interval * random()
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
