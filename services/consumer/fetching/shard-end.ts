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

/** The children of a shard that is in the stream no more; undefined where it still is, or nothing can be told. */
export async function childrenOfTrimmed(shardId: string, stream: StreamReader): Promise<ChildShard[] | undefined> {
  const shards = await stream.listShards()
  // An empty list is a stream that is being made or deleted, and proves nothing.
  if (shards.length === 0 || shards.some(shard => shard.shardId === shardId)) return undefined
  return shards.filter(shard => shard.parentShardIds.includes(shardId))
}
