import { setTimeout as pass } from 'node:timers/promises'
import { isFinal, type UploadStatus } from '../../services/uploads/records/record.ts'
import { readEvents, readRecords, type Sources, takeNotificationInventory } from './evidence/collect.ts'
import type { FoundRecord } from './evidence/inventory.ts'
import type { Ledger, LedgerEntry } from './evidence/ledger.ts'
import { findLost } from './evidence/notifications.ts'

/** Time after the last fault within which every upload must be settled. */
const BOUND_MS = 150_000
const LOOK_MS = 1_000

/**
 * Waits until every upload is processed, failed or deleted, except for unconfirmed uploads without an event. Also
 * resolves when the time is up; the checker then finds unsettled uploads.
 */
export async function settle(sources: Sources, entries: readonly LedgerEntry[]): Promise<void> {
  const accepted = new Set(entries.flatMap(({ answer }) => ('uploadIds' in answer ? answer.uploadIds : [])))
  const deadline = performance.now() + BOUND_MS
  for (;;) {
    const open = (await readRecords(sources.dynamodb)).filter(isOpen)
    const isWaitedFor = ({ uploadId, isMarked }: FoundRecord) => accepted.has(uploadId) || isMarked
    if (!open.some(isWaitedFor)) {
      const events = open.length > 0 ? await readEvents(sources.kinesis) : []
      const published = new Set(events.map(({ uploadId }) => uploadId))
      if (!open.some(({ uploadId }) => published.has(uploadId))) return
    }
    if (performance.now() > deadline) return
    await pass(LOOK_MS)
  }
}

/**
 * Waits until every notification is delivered, owed or a dead letter. An event that is on the stream twice is processed
 * twice, so the second time can come after the upload is settled. Also resolves when the time is up.
 */
export async function settleNotifications(sources: Sources, { notifications }: Ledger): Promise<void> {
  if (!notifications) return
  for (const deadline = performance.now() + BOUND_MS; performance.now() < deadline; await pass(LOOK_MS)) {
    if (findLost(notifications, await takeNotificationInventory(sources), 'stopped').length === 0) return
  }
}

function isOpen({ status, key, isMarked }: FoundRecord): boolean {
  if (status === 'deleted') return key !== undefined
  return isMarked || (status !== 'pending' && !isFinal(status as UploadStatus))
}
