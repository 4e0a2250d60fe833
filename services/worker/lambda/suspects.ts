import type { StreamRecord } from '../stream-record.ts'
import type { BatchSettings } from './batch.ts'
import { placeOf } from './redelivered.ts'

/** Which records of a function's batches are suspect. */
export interface Suspects {
  /** To be asked once for each batch of a shard, when it begins. */
  startBatch(shardId: string): Required<Pick<BatchSettings, 'isSuspect' | 'onOutOfTime'>>
}

/** For so long a function halves a batch that an instance died of: what it died of may not be in the first one. */
const RECENT_MS = 60_000

/**
 * Nobody tells an instance what became of the one before, so that whatever was on the stream before it came to life may be what that
 * one died of: in the first batch of each shard, and in all of the first minute. Later those records alone are suspect that this
 * instance itself has called off.
 *
 * @param now epoch milliseconds
 */
export function createSuspects(now: () => number = Date.now): Suspects {
  const startedAt = now()
  /** By shard: what the batch before has called off. A shard that has had a batch is here. */
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
