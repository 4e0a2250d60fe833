import type { ConsumerRecord } from '../../services/consumer/record.ts'

/** What an application makes of a record: the same for the same record, and another for one that differs in anything. */
export function outputOf(record: ConsumerRecord): string {
  const { data, partitionKey, explicitHashKey = '-', sequenceNumber, subSequenceNumber, shardId, arrivedAt } = record
  let hash = 0x811c9dc5
  // The first bytes tell a record from every other.
  for (let index = 0; index < data.length && index < 32; index++)
    hash = Math.imul(hash ^ (data[index] ?? 0), 0x01000193)
  const place = `${shardId} ${sequenceNumber}/${subSequenceNumber} ${arrivedAt.getTime()}`
  return `${partitionKey} ${explicitHashKey} ${place} ${data.length}:${hash >>> 0}`
}
