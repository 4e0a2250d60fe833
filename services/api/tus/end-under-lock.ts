import type { Logger } from '../../platform/log.ts'
import type { PendingStore } from '../../uploads/pending/pending-store.ts'
import { isPending } from '../../uploads/records/record.ts'
import type { UploadKey } from '../../uploads/records/store.ts'
import { type EndPendingDeps, endPending } from '../pending/end-pending.ts'
import type { Locks } from './lock.ts'

export interface EndUnderLockDeps extends EndPendingDeps {
  pending: Pick<PendingStore, 'get' | 'end' | 'forget'>
  locks: Locks
}

/**
 * Ends a pending upload for its owner. A tus upload is locked first, so this waits for a request that still sends bytes to S3: bytes
 * written after the clean-up would stay. Resolves to false if there is no such pending upload.
 *
 * @throws UploadLockedError if another request does not release the upload in time
 */
export async function endUnderLock(
  deps: EndUnderLockDeps,
  key: UploadKey,
  log: Pick<Logger, 'warn'>,
): Promise<boolean> {
  const found = await deps.pending.get(key)
  if (!found || !isPending(found)) return false
  if (found.arrival.way !== 'tus') return endPending(deps, key)
  const acquired = await deps.locks.acquire(key, NEVER, log)
  // Another request has ended or accepted the upload in the meantime.
  if (!acquired || 'accepted' in acquired) return false
  try {
    return await endPending(deps, key)
  } finally {
    await acquired.unlock()
  }
}

/** The wait for the lock has its own limit. An upload must be deleted even if its client has disconnected. */
const NEVER = new AbortController().signal
