import type { ChildShard as AwsChildShard, Shard as AwsShard } from '@aws-sdk/client-kinesis'
import type { ChildShard, Shard } from '../shards/shard.ts'

/** A shard as the SDK gives it, as ours. */
export function toShard(shard: AwsShard): Shard {
  const parents = [shard.ParentShardId, shard.AdjacentParentShardId]
  return {
    shardId: shard.ShardId ?? '',
    parentShardIds: parents.filter(parent => parent !== undefined),
    startingHashKey: shard.HashKeyRange?.StartingHashKey,
    endingHashKey: shard.HashKeyRange?.EndingHashKey,
    startingSequenceNumber: shard.SequenceNumberRange?.StartingSequenceNumber,
    closed: shard.SequenceNumberRange?.EndingSequenceNumber !== undefined,
  }
}

/** A child as the last reply of its parent gives it, as ours. */
export function toChildShard(shard: AwsChildShard): ChildShard {
  return {
    shardId: shard.ShardId ?? '',
    parentShardIds: shard.ParentShards ?? [],
    startingHashKey: shard.HashKeyRange?.StartingHashKey,
    endingHashKey: shard.HashKeyRange?.EndingHashKey,
    startingSequenceNumber: undefined,
  }
}
