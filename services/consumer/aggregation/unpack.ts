import type { ConsumerRecord } from '../record.ts'
import { looksAggregated, readAggregate } from './aggregate.ts'

/** Settings of `unpack`. */
export interface UnpackSettings {
  /**
   * Returns true if a record with these keys belongs to the shard. Not called for an aggregate that was put without a
   * partition key, because Kinesis then chooses the shard by itself.
   */
  isInside(keys: { partitionKey: string; explicitHashKey: string | undefined }): boolean
  /** Called after an aggregate was read of which `records` records belong to another shard. These records are kept. */
  onOutside(outside: { sequenceNumber: string; records: number }): void
}

/**
 * Unpacks the aggregated records in portions, so that no more records are created than there is room for: a record of
 * 10 MiB can contain a million. Other records stay unchanged.
 *
 * A record whose key belongs to another shard is kept. KCL drops the whole aggregate in this case, and loses records
 * that were sent during a reshard.
 */
export function* unpack(
  records: readonly ConsumerRecord[],
  settings: UnpackSettings,
): Generator<readonly ConsumerRecord[], void> {
  if (!records.some(({ data }) => looksAggregated(data))) {
    if (records.length > 0) yield records
    return
  }
  let portion: ConsumerRecord[] = []
  for (const record of records) {
    for (const single of unpackRecord(record, settings)) {
      portion.push(single)
      if (portion.length < PORTION) continue
      yield portion
      portion = []
    }
  }
  if (portion.length > 0) yield portion
}

const PORTION = 1_000

function* unpackRecord(record: ConsumerRecord, settings: UnpackSettings): Generator<ConsumerRecord, void> {
  const aggregate = readAggregate(record.data)
  if (!aggregate) {
    yield record
    return
  }
  let outside = 0
  for (let i = 0; i < aggregate.count; i++) {
    const { data, partitionKey, explicitHashKey } = aggregate.at(i)
    if (record.partitionKey !== undefined && !settings.isInside({ partitionKey, explicitHashKey })) outside++
    const single = { ...record, data, partitionKey, subSequenceNumber: i }
    yield explicitHashKey === undefined ? single : { ...single, explicitHashKey }
  }
  if (outside > 0) settings.onOutside({ sequenceNumber: record.sequenceNumber, records: outside })
}
