import type { Clock } from '../clock.ts'
import type { LeaseStore } from '../leases/lease-store.ts'

export interface LiveOwnersSettings {
  store: Pick<LeaseStore, 'list'>
  clock: Clock
  /** The failover time of the workers. An owner that does not renew for this long is dead. */
  failoverMs: number
  /** Whether to continue after one live owner was found. */
  all: boolean
}

/** Number of reads per failover time. Owners renew three times in it. */
const READS_PER_FAILOVER = 10

/**
 * Returns the ids of the shards whose owners are alive: their counters grow. Nothing else in the table shows this,
 * because a killed owner stays in the table until another worker takes the lease. Watches for at most one failover
 * time.
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
