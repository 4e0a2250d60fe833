import type { StreamRecord } from '../stream-record.ts'

/** What is done of a shard behind the record at which Lambda was told to begin again. */
export interface Redelivered {
  /** The records that are left to do of a batch: all, unless it is the one that Lambda was told to bring again. */
  left<R extends StreamRecord>(shardId: string, records: readonly R[]): R[]
  /** Lambda was told to begin again at `from`, and these will come with it although they are done. */
  expect(shardId: string, from: string, done: readonly StreamRecord[]): void
}

/**
 * Spares records that are done from being done again, where the batch comes to the same instance, as it mostly does: Lambda takes
 * one sequence number for "done up to here", whatever is done behind it. A batch that begins elsewhere, as when somebody replays
 * the stream, is done as a whole.
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

/** Where a record lies in its shard. */
export function placeOf({ sequenceNumber, subSequenceNumber = 0 }: StreamRecord): string {
  return `${sequenceNumber}/${subSequenceNumber}`
}
