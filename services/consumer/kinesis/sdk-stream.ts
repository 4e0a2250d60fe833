import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  type KinesisClient,
  ListShardsCommand,
  type ListShardsCommandOutput,
} from '@aws-sdk/client-kinesis'
import type { HttpHandlerOptions } from '@smithy/types'
import { StreamReplyError } from '../errors.ts'
import { pages } from '../pages.ts'
import type { Shard } from '../shards/shard.ts'
import type { ShardPosition, StreamReader } from '../stream.ts'
import { withDeadline } from './deadline.ts'
import { toChildShard, toShard } from './sdk-shards.ts'
import { checkRegion, type StreamRef, streamInput } from './stream-ref.ts'

export interface SdkStreamSettings extends StreamRef {
  kinesis: KinesisClient
  /** Timeout of one call, with its retries, in milliseconds. */
  requestTimeoutMs: number
}

/**
 * Creates a reader that polls a Kinesis stream through the SDK.
 *
 * Every method throws a ConsumerOptionError if the client uses another region than that of the ARN.
 */
export function createSdkStream({ kinesis, requestTimeoutMs, ...ref }: SdkStreamSettings): StreamReader {
  const stream = streamInput(ref)

  async function bounded<T>(send: (options: HttpHandlerOptions) => Promise<T>, signal?: AbortSignal): Promise<T> {
    await checkRegion(ref, kinesis)
    return await withDeadline(requestTimeoutMs, signal, abortSignal => send({ abortSignal }))
  }

  return {
    async isActive(signal) {
      const command = new ListShardsCommand({ ...stream, MaxResults: 1 })
      const { Shards = [] } = await bounded(options => kinesis.send(command, options), signal)
      return Shards.length > 0
    },

    async listShards() {
      const shards: Shard[] = []
      // Kinesis accepts the token, which names the stream, or the stream itself, but not both.
      const listing = pages<ListShardsCommandOutput, string>(
        'ListShards',
        token => {
          const command = new ListShardsCommand(token ? { NextToken: token } : stream)
          return bounded(options => kinesis.send(command, options))
        },
        ({ NextToken }) => NextToken || undefined,
      )
      for await (const { Shards = [] } of listing) shards.push(...Shards.map(toShard))
      return shards
    },

    async getIterator(shardId, position) {
      const command = new GetShardIteratorCommand({
        ...stream,
        ShardId: shardId,
        ...toIteratorInput(position),
      })
      const { ShardIterator } = await bounded(options => kinesis.send(command, options))
      if (!ShardIterator) throw new StreamReplyError(`GetShardIterator returned no iterator for '${shardId}'.`)
      return ShardIterator
    },

    async getRecords(shardId, iterator, limit, { signal } = {}) {
      const command = new GetRecordsCommand({
        ShardIterator: iterator,
        Limit: limit,
        ...(ref.streamArn !== undefined && { StreamARN: ref.streamArn }),
      })
      const reply = await bounded(options => kinesis.send(command, options), signal)
      return {
        records: (reply.Records ?? []).map(record => ({
          data: toBuffer(record.Data),
          partitionKey: record.PartitionKey || undefined,
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

/** Returns a view, so that the SDK and CBOR give the same type. */
function toBuffer(data: Uint8Array = new Uint8Array()): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
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
