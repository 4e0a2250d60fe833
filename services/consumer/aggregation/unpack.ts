import type { ConsumerRecord } from '../record.ts'
import { looksAggregated, readAggregate } from './aggregate.ts'

export interface UnpackSettings {
  /** Whether a record of these keys belongs into the shard. */
  isInside(keys: Pick<ConsumerRecord, 'partitionKey'> & { explicitHashKey: string | undefined }): boolean
  /** An aggregate was read to its end, and so many of its records belong into another shard. They are kept. */
  onOutside(outside: { sequenceNumber: string; records: number }): void
}

/**
 * Unpacks the aggregated records among those that came, in portions, so that no more of them are made than there is room
 * for: a record of 10 MiB can hold a million. What is no aggregate stays as it is.
 *
 * A record of an aggregate whose key belongs into another shard is kept. KCL drops the whole aggregate then, and loses what
 * a producer sent while the stream was being resharded.
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
    if (!settings.isInside({ partitionKey, explicitHashKey })) outside++
    const single = { ...record, data, partitionKey, subSequenceNumber: i }
    yield explicitHashKey === undefined ? single : { ...single, explicitHashKey }
  }
  if (outside > 0) settings.onOutside({ sequenceNumber: record.sequenceNumber, records: outside })
}
