import {
  type StartingPosition as AwsPosition,
  type KinesisClient,
  SubscribeToShardCommand,
  type SubscribeToShardEvent,
} from '@aws-sdk/client-kinesis'
import type { Clock } from '../clock.ts'
import { StreamReplyError } from '../errors.ts'
import { classifyReadError, type ShardPosition, type StreamReader, type SubscriptionEvent } from '../stream.ts'
import type { FanOut } from './fan-out-options.ts'
import { registerConsumer } from './registered-consumer.ts'
import { toChildShard } from './sdk-shards.ts'
import { sendWithoutRetries } from './send-without-retries.ts'
import type { StreamRef } from './stream-ref.ts'

export interface FanOutStreamSettings extends StreamRef {
  /** On AWS, a client that uses HTTP/2. */
  kinesis: KinesisClient
  fanOut: FanOut
  clock: Clock
}

/** Creates `subscribe` for enhanced fan-out, with SubscribeToShard of the SDK. */
export function createSubscribe(settings: FanOutStreamSettings): NonNullable<StreamReader['subscribe']> {
  const { kinesis, fanOut } = settings
  let knownArn = 'consumerArn' in fanOut ? fanOut.consumerArn : undefined

  return async function* subscribe(shardId, position, signal) {
    if (knownArn === undefined && 'consumerName' in fanOut) {
      knownArn = await registerConsumer({ ...settings, consumerName: fanOut.consumerName, signal })
    }
    try {
      const command = new SubscribeToShardCommand({
        ConsumerARN: knownArn,
        ShardId: shardId,
        StartingPosition: toStartingPosition(position),
      })
      const { EventStream } = await sendWithoutRetries(command, () => kinesis.send(command, { abortSignal: signal }))
      if (!EventStream) throw new StreamReplyError(`SubscribeToShard returned no event stream for '${shardId}'.`)
      for await (const { SubscribeToShardEvent: event } of EventStream) if (event) yield toEvent(event, shardId)
    } catch (error) {
      // The consumer was deregistered, perhaps with its stream. A consumer given by its name is registered again.
      if ('consumerName' in fanOut && classifyReadError(error) === 'not found') knownArn = undefined
      throw error
    }
  }
}

function toStartingPosition(position: ShardPosition): AwsPosition {
  switch (position.type) {
    case 'AT_TIMESTAMP':
      return { Type: position.type, Timestamp: position.at }
    case 'AT_SEQUENCE_NUMBER':
    case 'AFTER_SEQUENCE_NUMBER':
      return { Type: position.type, SequenceNumber: position.sequenceNumber }
    default:
      return { Type: position.type }
  }
}

function toEvent(event: SubscribeToShardEvent, shardId: string): SubscriptionEvent {
  return {
    records: (event.Records ?? []).map(record => ({
      data: record.Data ?? new Uint8Array(),
      partitionKey: record.PartitionKey || undefined,
      sequenceNumber: record.SequenceNumber ?? '',
      subSequenceNumber: 0,
      shardId,
      arrivedAt: record.ApproximateArrivalTimestamp ?? new Date(0),
    })),
    continuation: event.ContinuationSequenceNumber || undefined,
    millisBehindLatest: event.MillisBehindLatest ?? 0,
    childShards: (event.ChildShards ?? []).map(toChildShard),
  }
}
