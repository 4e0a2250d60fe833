import {
  type ChildShard as AwsChildShard,
  type Shard as AwsShard,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type KinesisClient,
  ListShardsCommand,
} from '@aws-sdk/client-kinesis'
import { StreamReplyError } from './errors.ts'
import type { ChildShard, Shard } from './shards/shard.ts'
import type { ShardPosition, StreamReader } from './stream.ts'

export interface KinesisStreamSettings {
  kinesis: KinesisClient
  streamName: string
  /** How long one call may take, its retries included, in milliseconds. */
  requestTimeoutMs: number
}

/** A Kinesis stream, read by polling through the SDK. */
export function createKinesisStream({ kinesis, streamName, requestTimeoutMs }: KinesisStreamSettings): StreamReader {
  const bounded = (signal?: AbortSignal) => {
    const timeout = AbortSignal.timeout(requestTimeoutMs)
    return { abortSignal: signal ? AbortSignal.any([signal, timeout]) : timeout }
  }

  return {
    async listShards() {
      const shards: Shard[] = []
      let token: string | undefined
      do {
        // The service takes the token instead of the stream's name, not beside it.
        const command = new ListShardsCommand(token ? { NextToken: token } : { StreamName: streamName })
        const reply = await kinesis.send(command, bounded())
        for (const shard of reply.Shards ?? []) shards.push(toShard(shard))
        token = reply.NextToken
      } while (token)
      return shards
    },

    async getIterator(shardId, position) {
      const command = new GetShardIteratorCommand({
        StreamName: streamName,
        ShardId: shardId,
        ...toIteratorInput(position),
      })
      const { ShardIterator } = await kinesis.send(command, bounded())
      if (!ShardIterator) throw new StreamReplyError(`GetShardIterator gave no iterator for '${shardId}'.`)
      return ShardIterator
    },

    async getRecords(shardId, iterator, limit, signal) {
      const command = new GetRecordsCommand({ ShardIterator: iterator, Limit: limit })
      const reply = await kinesis.send(command, bounded(signal))
      return {
        records: (reply.Records ?? []).map(record => ({
          data: record.Data ?? new Uint8Array(),
          partitionKey: record.PartitionKey ?? '',
          sequenceNumber: record.SequenceNumber ?? '',
          subSequenceNumber: 0,
          shardId,
          arrivedAt: record.ApproximateArrivalTimestamp ?? new Date(0),
        })),
        nextIterator: reply.NextShardIterator ?? undefined,
        millisBehindLatest: reply.MillisBehindLatest ?? 0,
        childShards: (reply.ChildShards ?? []).map(toChildShard),
      }
    },
  }
}

function toIteratorInput(position: ShardPosition) {
  switch (position.type) {
    case 'AT_TIMESTAMP':
      return { ShardIteratorType: position.type, Timestamp: position.at }
    case 'AT_SEQUENCE_NUMBER':
    case 'AFTER_SEQUENCE_NUMBER':
      return { ShardIteratorType: position.type, StartingSequenceNumber: position.sequenceNumber }
    default:
      return { ShardIteratorType: position.type }
  }
}

function toShard(shard: AwsShard): Shard {
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

function toChildShard(shard: AwsChildShard): ChildShard {
  return {
    shardId: shard.ShardId ?? '',
    parentShardIds: shard.ParentShards ?? [],
    startingHashKey: shard.HashKeyRange?.StartingHashKey,
    endingHashKey: shard.HashKeyRange?.EndingHashKey,
    startingSequenceNumber: undefined,
  }
}
