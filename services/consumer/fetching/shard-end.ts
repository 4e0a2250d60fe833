import { compareSequence } from '../checkpoint.ts'
import { type HashRange, overlaps } from '../shards/hash-range.ts'
import type { ChildShard } from '../shards/shard.ts'
import type { RecordsReply, StreamReader } from '../stream.ts'

/** Returns the children that a reply names. Children of other shards are ignored. */
export function childrenInReply(shardId: string, { childShards }: Pick<RecordsReply, 'childShards'>): ChildShard[] {
  return childShards.filter(child => child.parentShardIds.includes(shardId))
}

/** Lists the children of a shard. Returns undefined if the shard is not closed. */
export async function listChildren(shardId: string, stream: StreamReader): Promise<ChildShard[] | undefined> {
  const shards = await stream.listShards()
  const children = shards.filter(shard => shard.parentShardIds.includes(shardId))
  const isClosed = shards.find(shard => shard.shardId === shardId)?.closed ?? children.length > 0
  return isClosed && children.length > 0 ? children : undefined
}

/** What is known about a shard that Kinesis does not find. */
export interface MissingShard extends HashRange {
  /** The first sequence number of the shard. Unknown in leases that KCL created. */
  readonly shardStart: string | undefined
}

/**
 * Returns the shards that follow a shard which is no longer in the stream. Returns undefined while the stream lists the
 * shard, and if the list proves nothing: ListShards is eventually consistent, and a list that is older than the shard
 * does not contain it either. A list with a shard that starts later is newer.
 *
 * The child may have been trimmed as well. The list then does not say whose descendants the later shards are. They are
 * found by their hash keys and by a parent that is not listed.
 */
export async function childrenOfTrimmed(
  shardId: string,
  missing: MissingShard,
  stream: StreamReader,
): Promise<ChildShard[] | undefined> {
  const shards = await stream.listShards()
  const listed = new Set(shards.map(shard => shard.shardId))
  // An empty list means that the stream is being created or deleted, and proves nothing.
  if (shards.length === 0 || listed.has(shardId)) return undefined
  const { shardStart } = missing
  const later =
    shardStart === undefined
      ? shards
      : shards.filter(
          ({ startingSequenceNumber: start }) => start !== undefined && compareSequence(start, shardStart) > 0,
        )
  const found = later.filter(
    shard =>
      shard.parentShardIds.includes(shardId) ||
      (shard.parentShardIds.some(parentId => !listed.has(parentId)) && overlaps(shard, missing)),
  )
  const isProven = shardStart === undefined ? found.length > 0 : later.length > 0
  return isProven ? found : undefined
}
