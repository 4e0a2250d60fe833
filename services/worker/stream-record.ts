/** A record of a stream, whoever read it: the consumer's own records are these and more, and a Lambda event's become these. */
export interface StreamRecord {
  readonly data: Uint8Array
  readonly partitionKey: string
  /** Decimal digits. */
  readonly sequenceNumber: string
  /** The place inside an aggregated record. Left out or 0 in a plain one. */
  readonly subSequenceNumber?: number
  readonly shardId: string
  /** When Kinesis took the record, by Kinesis's clock, where that is known. */
  readonly arrivedAt?: Date
}
