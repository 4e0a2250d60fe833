import type { ChildShard as AwsChildShard, Shard as AwsShard } from '@aws-sdk/client-kinesis'
import type { ChildShard, Shard } from '../shards/shard.ts'

/** Converts a shard of the SDK. */
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

/** Converts a child shard of the SDK, from the last reply of its parent. */
export function toChildShard(shard: AwsChildShard): ChildShard {
  return {
    shardId: shard.ShardId ?? '',
    parentShardIds: shard.ParentShards ?? [],
    startingHashKey: shard.HashKeyRange?.StartingHashKey,
    endingHashKey: shard.HashKeyRange?.EndingHashKey,
    startingSequenceNumber: undefined,
  }
}
