import type { Logger } from '../../platform/log.ts'
import { createPeriodicTask, type PeriodicTask } from '../../platform/periodic-task.ts'
import { pendingPartitions } from '../../uploads/pending/pending.ts'
import type { OldReservation, PendingStore } from '../../uploads/pending/pending-store.ts'

export interface Sweep extends PeriodicTask {
  /** Checks all pending uploads once. Resolves to the number of uploads that it ended. */
  runOnce(): Promise<number>
}

export interface SweepSettings {
  pending: Pick<PendingStore, 'listOld' | 'end' | 'forget'>
  /** Removes everything of a pending upload from S3. */
  cleanUp(reservation: OldReservation): Promise<void>
  /** How long a pending upload is valid, in milliseconds. */
  lifetimeMs: number
  /** How long after that a request that started in time may still run, in milliseconds. @default one hour */
  graceMs?: number
  /** Time between two passes, in milliseconds. @default five minutes */
  intervalMs?: number
  log: Pick<Logger, 'info' | 'error'>
  now?: () => Date
  /** Rejects when the signal is aborted. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

/** Number of pending uploads that are ended concurrently. */
const PAGE_SIZE = 50

/** Maximum number of pages of a partition in one pass. The next pass continues with the rest. */
const MAX_PAGES = 1_000

/**
 * Ends expired pending uploads. Also cleans up after uploads that were ended while one of their presigned URLs was still valid,
 * because an object that arrived by such a URL has no record. Sweeps may run concurrently: ending an upload twice has no effect.
 */
export function createSweep(settings: SweepSettings): Sweep {
  const { pending, cleanUp, lifetimeMs, graceMs = 3_600_000, intervalMs = 300_000, log } = settings
  const { now = () => new Date(), sleep } = settings

  /** Resolves to false if there was nothing to end. */
  async function end(old: OldReservation): Promise<boolean> {
    // The upload may have been created with a longer lifetime than the one configured now.
    if (Date.parse(old.expiresAt) + graceMs > now().getTime()) return false
    // If the process that ended it crashed half way, the record still exists, and is ended first.
    const reservation = (await pending.end(old)) ?? (old.ended ? old : undefined)
    if (!reservation) return false
    await cleanUp(reservation)
    await pending.forget(reservation)
    return true
  }

  async function sweepPartition(partition: string): Promise<number> {
    const before = new Date(now().getTime() - lifetimeMs - graceMs).toISOString()
    const seen = new Set<string>()
    let ended = 0
    for (let count = 0; count < MAX_PAGES && !repeating.signal.aborted; count++) {
      const page = await pending.listOld({ partition, before, limit: PAGE_SIZE }, repeating.signal)
      // The index may lag behind the table and list an upload again that was ended on the previous page.
      const fresh = page.filter(({ uploadId }) => !seen.has(uploadId))
      for (const { uploadId } of fresh) seen.add(uploadId)
      const done = (await Promise.all(fresh.map(end))).filter(Boolean).length
      ended += done
      // The rest of this page can't be ended yet, and would be listed again.
      if (page.length < PAGE_SIZE || done === 0) break
    }
    return ended
  }

  async function runOnce(): Promise<number> {
    let ended = 0
    for (const partition of pendingPartitions) ended += await sweepPartition(partition)
    if (ended > 0) log.info({ ended }, 'expired pending uploads were ended')
    return ended
  }

  const repeating = createPeriodicTask({
    run: async () => {
      await runOnce()
    },
    intervalMs,
    onError: err => log.error({ err }, 'the sweep of pending uploads failed: the next sweep continues'),
    ...(sleep && { sleep }),
  })
  return { ...repeating, runOnce }
}
