import type { StreamRecord } from '../stream-record.ts'

/** The records of a shard that are done, but that Lambda will deliver again. */
export interface Redelivered {
  /** Returns the records of a batch that are not done. */
  left<R extends StreamRecord>(shardId: string, records: readonly R[]): R[]
  /** Remembers that Lambda will retry from `from` and deliver these records again, although they are done. */
  expect(shardId: string, from: string, done: readonly StreamRecord[]): void
}

/**
 * Avoids processing records twice when a retried batch comes to the same instance, as it mostly does. A batch that starts at another
 * record, for example when the stream is replayed, is processed as a whole.
 */
export function createRedelivered(): Redelivered {
  const expected = new Map<string, { from: string; done: Set<string> }>()
  return {
    left(shardId, records) {
      const known = expected.get(shardId)
      expected.delete(shardId)
      if (!known || known.from !== records[0]?.sequenceNumber) return [...records]
      return records.filter(record => !known.done.has(placeOf(record)))
    },
    expect(shardId, from, done) {
      expected.set(shardId, { from, done: new Set(done.map(placeOf)) })
    },
  }
}

/** Returns the place of a record in its shard. */
export function placeOf({ sequenceNumber, subSequenceNumber = 0 }: StreamRecord): string {
  return `${sequenceNumber}/${subSequenceNumber}`
}
