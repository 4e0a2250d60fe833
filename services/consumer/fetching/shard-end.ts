import { compareSequence } from '../checkpoint.ts'
import { type HashRange, overlaps } from '../shards/hash-range.ts'
import type { ChildShard } from '../shards/shard.ts'
import type { RecordsReply, StreamReader } from '../stream.ts'

/** The children that a reply tells of. Those of another shard count for nothing. */
export function childrenInReply(shardId: string, { childShards }: Pick<RecordsReply, 'childShards'>): ChildShard[] {
  return childShards.filter(child => child.parentShardIds.includes(shardId))
}

/** The children of a shard as they are listed; undefined where the shard is not closed. */
export async function listChildren(shardId: string, stream: StreamReader): Promise<ChildShard[] | undefined> {
  const shards = await stream.listShards()
  const children = shards.filter(shard => shard.parentShardIds.includes(shardId))
  const isClosed = shards.find(shard => shard.shardId === shardId)?.closed ?? children.length > 0
  return isClosed && children.length > 0 ? children : undefined
}

/** What is known of a shard that Kinesis does not find. */
export interface MissingShard extends HashRange {
  /** Its first sequence number. KCL writes none into its leases. */
  readonly shardStart: string | undefined
}

/**
 * Returns the shards that follow a shard which is no longer in the stream. Returns undefined while the stream lists the shard, and
 * where the list proves nothing: ListShards is eventually consistent, and a list from before the shard was made does not have it
 * either. A list that has a shard with a later start is from after that moment.
 *
 * A child may be trimmed as well. The list does not tell then whose descendants the shards below the child are: their hash keys do,
 * and a parent that is not listed.
 */
export async function childrenOfTrimmed(
  shardId: string,
  missing: MissingShard,
  stream: StreamReader,
): Promise<ChildShard[] | undefined> {
  const shards = await stream.listShards()
  const listed = new Set(shards.map(shard => shard.shardId))
  // An empty list is a stream that is being made or deleted, and proves nothing.
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
