import type { Logger } from '../../platform/log.ts'
import type { PendingRecord } from '../../uploads/pending/pending.ts'
import type { PendingStore } from '../../uploads/pending/pending-store.ts'
import { isPending } from '../../uploads/records/record.ts'
import type { UploadKey } from '../../uploads/records/store.ts'
import type { EndPending } from '../pending/end-pending.ts'
import type { Locks } from './lock.ts'

export interface EndUnderLockSettings {
  pending: Pick<PendingStore, 'get'>
  locks: Locks
  endPending: EndPending
}

/**
 * Ends a pending upload for its owner. Locks a tus upload first and so waits for a request that still sends bytes to S3: what
 * that request wrote after the clean-up would stay. Resolves to false if there is no pending upload.
 *
 * @throws UploadLockedError if another request does not let go of the upload in time
 */
export type EndUnderLock = (key: UploadKey, log: Pick<Logger, 'warn'>) => Promise<boolean>

export function createEndUnderLock({ pending, locks, endPending }: EndUnderLockSettings): EndUnderLock {
  return async (key, log) => {
    const found = await pending.get(key)
    if (!found || !isPending(found)) return false
    if ((found as PendingRecord).arrival.way !== 'tus') return endPending(key)
    const acquired = await locks.acquire(key, NEVER, log)
    // Ended or accepted while this request waited.
    if (!acquired || 'accepted' in acquired) return false
    try {
      return await endPending(key)
    } finally {
      await acquired.unlock()
    }
  }
}

/** The wait has a bound of its own: a client that left still wants its upload deleted. */
const NEVER = new AbortController().signal
