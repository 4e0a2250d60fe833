import type { ConsumerRecord } from '../../services/consumer/record.ts'

/** Returns the output of a record: the same for the same record, and different for any other. */
export function outputOf(record: ConsumerRecord): string {
  const { data, partitionKey, explicitHashKey = '-', sequenceNumber, subSequenceNumber, shardId, arrivedAt } = record
  let hash = 0x811c9dc5
  // The first bytes are unique to a record.
  for (let index = 0; index < data.length && index < 32; index++)
    hash = Math.imul(hash ^ (data[index] ?? 0), 0x01000193)
  const place = `${shardId} ${sequenceNumber}/${subSequenceNumber} ${arrivedAt.getTime()}`
  return `${partitionKey} ${explicitHashKey} ${place} ${data.length}:${hash >>> 0}`
}
