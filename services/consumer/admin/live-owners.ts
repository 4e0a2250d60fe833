import type { Clock } from '../clock.ts'
import type { LeaseStore } from '../leases/lease-store.ts'

export interface LiveOwnersSettings {
  store: Pick<LeaseStore, 'list'>
  clock: Clock
  /** The workers' own: an owner that renews nothing for so long is gone. */
  failoverMs: number
  /** Whether to go on once one is known to be alive. */
  all: boolean
}

/** Looks this often within a failover time. Owners renew three times in it. */
const READS_PER_FAILOVER = 10

/**
 * The leases whose owners are alive, by shard id: their counters move. Nothing else in the table tells; an owner that was
 * killed stays in it until somebody takes the lease. Watches until it is known of each, for a failover time at most.
 */
export async function liveOwners({ store, clock, failoverMs, all }: LiveOwnersSettings): Promise<Set<string>> {
  const owned = async () => (await store.list({ consistent: true })).filter(lease => lease.leaseOwner !== undefined)
  const first = new Map((await owned()).map(lease => [lease.leaseKey, lease.leaseCounter]))
  const live = new Set<string>()
  const until = clock.now() + failoverMs
  const isKnown = () => (live.size > 0 && !all) || live.size === first.size
  while (!isKnown() && clock.now() < until) {
    await clock.sleep(failoverMs / READS_PER_FAILOVER)
    for (const { leaseKey, leaseCounter } of await owned()) {
      const before = first.get(leaseKey)
      if (before !== undefined && before !== leaseCounter) live.add(leaseKey)
    }
  }
  return live
}
