import { setTimeout as pass } from 'node:timers/promises'
import { isFinal, type UploadStatus } from '../../services/uploads/records/record.ts'
import { publishedIds, readRecords, type Sources } from './evidence/collect.ts'
import type { FoundRecord } from './evidence/inventory.ts'
import type { LedgerEntry } from './evidence/ledger.ts'

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
      const published = open.length > 0 ? await publishedIds(sources.kinesis) : new Set()
      if (!open.some(({ uploadId }) => published.has(uploadId))) return
    }
    if (performance.now() > deadline) return
    await pass(LOOK_MS)
  }
}

function isOpen({ status, key, isMarked }: FoundRecord): boolean {
  if (status === 'deleted') return key !== undefined
  return isMarked || (status !== 'pending' && !isFinal(status as UploadStatus))
}
