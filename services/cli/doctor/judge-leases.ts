import type { Lease } from '../../consumer/index.ts'

export interface LeasesJudged {
  /** How many shards are to be read. */
  open: number
  /** The shards that nobody is seen to read. */
  stuck: string[]
  /** Those of them whose lease has no owner. */
  free: string[]
}

/** A shard that is read to its end keeps its lease for a while. */
export function isOpen({ checkpoint }: Lease): boolean {
  return checkpoint.sequenceNumber !== 'SHARD_END'
}

/** Who reads its shard writes to its lease all the time: what has not changed between two looks is read by nobody. */
export function judgeLeases(before: readonly Lease[], after: readonly Lease[]): LeasesJudged {
  const counters = new Map(before.map(({ leaseKey, leaseCounter }) => [leaseKey, leaseCounter]))
  const open = after.filter(isOpen)
  const stuck = open.filter(
    ({ leaseKey, leaseOwner, leaseCounter }) => leaseOwner === undefined || counters.get(leaseKey) === leaseCounter,
  )
  const free = stuck.filter(({ leaseOwner }) => leaseOwner === undefined)
  const shards = (leases: readonly Lease[]) => leases.map(({ leaseKey }) => leaseKey)
  return { open: open.length, stuck: shards(stuck), free: shards(free) }
}
