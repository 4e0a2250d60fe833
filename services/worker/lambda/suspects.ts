import type { StreamRecord } from '../stream-record.ts'
import type { BatchSettings } from './batch.ts'
import { placeOf } from './redelivered.ts'

/** Decides which records of a function's batches are suspect. */
export interface Suspects {
  /** Call it once for each batch of a shard, at its start. */
  startBatch(shardId: string): Required<Pick<BatchSettings, 'isSuspect' | 'onOutOfTime'>>
}

/** How long records stay suspect after a start, in milliseconds. Lambda halves a batch that killed an instance, so the record may not be in the first batch. */
const RECENT_MS = 60_000

/**
 * An instance does not know how the instance before it ended. So every record that was on the stream before the start may have killed
 * it: in the first batch of each shard, and in all batches of the first minute. Later, only records that this instance itself aborted
 * are suspect.
 *
 * @param now epoch milliseconds
 */
export function createSuspects(now: () => number = Date.now): Suspects {
  const startedAt = now()
  /** Records that the last batch of each shard aborted. Every shard that had a batch has an entry. */
  const timedOut = new Map<string, Set<string>>()

  return {
    startBatch(shardId) {
      const before = timedOut.get(shardId)
      const mayFollowDeath = !before || now() - startedAt < RECENT_MS
      const found = new Set<string>()
      timedOut.set(shardId, found)
      const isOld = ({ arrivedAt }: StreamRecord) => arrivedAt === undefined || arrivedAt.getTime() <= startedAt
      return {
        isSuspect: record => (mayFollowDeath && isOld(record)) || before?.has(placeOf(record)) === true,
        onOutOfTime: record => void found.add(placeOf(record)),
      }
    },
  }
}
