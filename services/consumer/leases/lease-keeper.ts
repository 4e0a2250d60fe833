import type { Checkpoint } from '../checkpoint.ts'
import type { Clock } from '../clock.ts'
import { LeaseLostError } from '../errors.ts'
import type { HeldLease } from './held-lease.ts'

export interface LeaseKeeperSettings {
  lease: HeldLease
  /** How far the shard is done: asked before every write. */
  progress(): Checkpoint
  clock: Clock
  failoverMs: number
  onFault(error: unknown): void
}

/** KCL's cadence: three chances within the failover time, and a little before the last. */
const renewInterval = (failoverMs: number) => failoverMs / 3 - 25

/** Renews a lease for as long as it is held. A failed write is tried again four times as often. */
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
