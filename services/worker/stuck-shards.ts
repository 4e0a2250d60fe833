import type { ShardStatus } from '../consumer/index.ts'

/** For so long a shard may stand still with records under way: the largest uploads take minutes. */
const STUCK_AFTER_MS = 15 * 60_000

type Standing = Pick<ShardStatus, 'shardId' | 'checkpoint' | 'pending'>

/**
 * Finds the shards that do not move. Not by the age of their checkpoint, which is high for one that was idle too: a shard is
 * stuck that was seen with records under way and the same checkpoint at every look for a quarter of an hour.
 */
export function createStuckShards(stuckAfterMs = STUCK_AFTER_MS) {
  let standing = new Map<string, { checkpoint: string; since: number }>()

  /**
   * Takes a look.
   *
   * @param now monotonic milliseconds
   * @returns the ids of those that are stuck
   */
  return function look(shards: readonly Standing[], now: number): string[] {
    const seen = standing
    standing = new Map()
    for (const { shardId, checkpoint, pending } of shards) {
      if (pending === 0) continue
      const before = seen.get(shardId)
      const since = before?.checkpoint === checkpoint ? before.since : now
      standing.set(shardId, { checkpoint, since })
    }
    return [...standing].filter(([, { since }]) => now - since >= stuckAfterMs).map(([shardId]) => shardId)
  }
}
