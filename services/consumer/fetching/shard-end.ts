import { type HashRange, overlaps } from '../shards/hash-range.ts'
import type { ChildShard } from '../shards/shard.ts'
import type { RecordsReply, StreamReader } from '../stream.ts'

/** The children that a reply tells of. Those of another shard count for nothing. */
export function childrenTold(shardId: string, { childShards }: Pick<RecordsReply, 'childShards'>): ChildShard[] {
  return childShards.filter(child => child.parentShardIds.includes(shardId))
}

/** The children of a shard as they are listed; undefined where the shard is not closed. */
export async function childrenListed(shardId: string, stream: StreamReader): Promise<ChildShard[] | undefined> {
  const shards = await stream.listShards()
  const children = shards.filter(shard => shard.parentShardIds.includes(shardId))
  const isClosed = shards.find(shard => shard.shardId === shardId)?.closed ?? children.length > 0
  return isClosed && children.length > 0 ? children : undefined
}

/**
 * The shards that come after a shard that is in the stream no more; undefined where it still is, or nothing can be told.
 *
 * A child may have been trimmed as well. Then the list does not say whose descendants the shards below the child are: they are
 * known by their hash keys, and by a parent that is not listed.
 */
export async function childrenOfTrimmed(
  shardId: string,
  hashRange: HashRange,
  stream: StreamReader,
): Promise<ChildShard[] | undefined> {
  const shards = await stream.listShards()
  const listed = new Set(shards.map(shard => shard.shardId))
  // An empty list is a stream that is being made or deleted, and proves nothing.
  if (shards.length === 0 || listed.has(shardId)) return undefined
  return shards.filter(
    shard =>
      shard.parentShardIds.includes(shardId) ||
      (shard.parentShardIds.some(parentId => !listed.has(parentId)) && overlaps(shard, hashRange)),
  )
}
