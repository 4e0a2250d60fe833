import type { ConsumerRecord } from './record.ts'
import type { ChildShard, Shard } from './shards/shard.ts'

/** Position in a shard at which reading starts. */
export type ShardPosition =
  | { type: 'TRIM_HORIZON' }
  | { type: 'LATEST' }
  | { type: 'AT_TIMESTAMP'; at: Date }
  | { type: 'AT_SEQUENCE_NUMBER' | 'AFTER_SEQUENCE_NUMBER'; sequenceNumber: string }

export interface RecordsReply {
  readonly records: readonly ConsumerRecord[]
  /** Undefined at the end of a closed shard. */
  readonly nextIterator: string | undefined
  /** How far the reply is behind the tip of the shard, in milliseconds. */
  readonly millisBehindLatest: number
  /** Set in the last reply of a shard. */
  readonly childShards: readonly ChildShard[]
}

/** An event of a subscription: records, or every few seconds the information that there are none. */
export interface SubscriptionEvent extends Omit<RecordsReply, 'nextIterator'> {
  /**
   * Position up to which the subscription has read, with or without records. Undefined at the end of a closed shard.
   */
  readonly continuation: string | undefined
}

export interface GetRecordsOptions {
  signal?: AbortSignal
  /**
   * Called before the body of a reply is received, with its size in bytes. The body is received when the promise
   * resolves, or dropped if the signal has fired by then. Not called if the size is unknown.
   */
  receive?(bytes: number, signal: AbortSignal): Promise<void>
}

/** Access to a Kinesis stream. A port, so that tests can replace it. */
export interface StreamReader {
  /**
   * Resolves to true if the stream has shards that can be read, and to false while Kinesis is still creating it. Rejects
   * with the error of Kinesis.
   */
  isActive(signal?: AbortSignal): Promise<boolean>
  /** Returns every shard, including closed shards that have not been trimmed. */
  listShards(): Promise<Shard[]>
  getIterator(shardId: string, position: ShardPosition): Promise<string>
  getRecords(shardId: string, iterator: string, limit: number, options?: GetRecordsOptions): Promise<RecordsReply>
  /**
   * Reads a shard by enhanced fan-out: yields pushed records, for up to five minutes. Reads no further ahead than the
   * caller asks. The connection closes when the signal fires; a caller that stops reading before the end must fire the
   * signal. Undefined if the shard is to be polled.
   */
  subscribe?(shardId: string, position: ShardPosition, signal: AbortSignal): AsyncIterable<SubscriptionEvent>
}

/** What a failed read means to the caller, independent of the transport. */
export type ReadFault = 'expired iterator' | 'invalid position' | 'throttled' | 'in use' | 'not found' | 'other'

export function classifyReadError(error: unknown): ReadFault {
  switch (error instanceof Error ? error.name : '') {
    case 'ExpiredIteratorException':
      return 'expired iterator'
    case 'ProvisionedThroughputExceededException':
    case 'LimitExceededException':
    case 'KMSThrottlingException':
      return 'throttled'
    case 'InvalidArgumentException':
      return 'invalid position'
    case 'ResourceInUseException':
      return 'in use'
    case 'ResourceNotFoundException':
      return 'not found'
    default:
      return 'other'
  }
}
