/** A record of a stream. The consumer's records have these properties and more, and records of Lambda events are converted to it. */
export interface StreamRecord {
  readonly data: Uint8Array
  /** Undefined if the producer set none. Such a record has no order. */
  readonly partitionKey: string | undefined
  /** Decimal digits. */
  readonly sequenceNumber: string
  /** Index inside of an aggregated record. Omitted or 0 in a plain record. */
  readonly subSequenceNumber?: number
  readonly shardId: string
  /** When Kinesis received the record, by the clock of Kinesis. */
  readonly arrivedAt?: Date
}
