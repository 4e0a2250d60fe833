import type { ConsumerRecord } from './record.ts'
import type { ChildShard, Shard } from './shards/shard.ts'

/** Where in a shard to start. */
export type ShardPosition =
  | { type: 'TRIM_HORIZON' }
  | { type: 'LATEST' }
  | { type: 'AT_TIMESTAMP'; at: Date }
  | { type: 'AT_SEQUENCE_NUMBER' | 'AFTER_SEQUENCE_NUMBER'; sequenceNumber: string }

export interface RecordsReply {
  readonly records: readonly ConsumerRecord[]
  /** Undefined at the end of a closed shard. */
  readonly nextIterator: string | undefined
  /** How far behind the tip of the shard the reply is, in milliseconds. */
  readonly millisBehindLatest: number
  /** Given with the last reply of a shard. */
  readonly childShards: readonly ChildShard[]
}

/** What a subscription pushes: records, or every few seconds word that there are none. */
export interface SubscriptionEvent extends Omit<RecordsReply, 'nextIterator'> {
  /** How far the subscription has come, whether there were records or not. Undefined at the end of a closed shard. */
  readonly continuation: string | undefined
}

/** A Kinesis stream, as a port. */
export interface StreamReader {
  /** Every shard, closed ones that are not trimmed yet included. */
  listShards(): Promise<Shard[]>
  getIterator(shardId: string, position: ShardPosition): Promise<string>
  getRecords(shardId: string, iterator: string, limit: number, signal?: AbortSignal): Promise<RecordsReply>
  /**
   * Where a shard is to be read by enhanced fan-out: has its records pushed, for up to five minutes. Reads no further than
   * it is asked to. Its connection is closed when the signal fires; whoever stops to read before the end has to fire it.
   */
  subscribe?(shardId: string, position: ShardPosition, signal: AbortSignal): AsyncIterable<SubscriptionEvent>
}

/** What a failed call means for the one who reads, whatever the transport called it. */
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
