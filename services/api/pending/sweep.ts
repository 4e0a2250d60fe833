import type { Logger } from '../../platform/log.ts'
import { createRepeating, type Repeating } from '../../platform/repeating.ts'
import { pendingPartitions } from '../../uploads/pending/pending.ts'
import type { OldReservation, PendingStore } from '../../uploads/pending/pending-store.ts'

export interface Sweep extends Repeating {
  /** Goes over all promises once and resolves to how many it ended. */
  runOnce(): Promise<number>
}

export interface SweepSettings {
  pending: Pick<PendingStore, 'listOld' | 'end' | 'forget'>
  /** Takes everything of a promise out of S3. */
  cleanUp(promised: OldReservation): Promise<void>
  /** How long a promise stands, in milliseconds. */
  lifetimeMs: number
  /** How long after that a request that began in time may still be under way, in milliseconds. */
  graceMs?: number
  /** Time from the end of a pass to the next one. */
  intervalMs?: number
  log: Pick<Logger, 'info' | 'error'>
  now?: () => Date
  /** Rejects when the signal fires. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

/** Promises that are ended side by side. */
const PAGE = 50

/** Pages of a partition in one pass. The next pass continues with the rest. */
const MAX_PAGES = 1_000

/**
 * Ends the promises whose time is up, and cleans up after those that were ended while a URL of theirs was still valid: what
 * came by it has no record. Any number of sweeps run side by side, since ending twice ends once.
 */
export function createSweep(settings: SweepSettings): Sweep {
  const { pending, cleanUp, lifetimeMs, graceMs = 3_600_000, intervalMs = 300_000, log } = settings
  const { now = () => new Date(), sleep } = settings

  /** Resolves to whether there was something to end. */
  async function end(old: OldReservation): Promise<boolean> {
    // The lifetime may have been configured shorter since.
    if (Date.parse(old.expiresAt) + graceMs > now().getTime()) return false
    // Of one that was ended the promise may be there still: its end died half way.
    const promised = (await pending.end(old)) ?? (old.ended ? old : undefined)
    if (!promised) return false
    await cleanUp(promised)
    await pending.forget(promised)
    return true
  }

  async function sweepPartition(partition: string): Promise<number> {
    const before = new Date(now().getTime() - lifetimeMs - graceMs).toISOString()
    const seen = new Set<string>()
    let ended = 0
    for (let count = 0; count < MAX_PAGES && !repeating.signal.aborted; count++) {
      const page = await pending.listOld({ partition, before, limit: PAGE }, repeating.signal)
      // The index may be behind the table, and list again what was ended on the page before.
      const fresh = page.filter(({ uploadId }) => !seen.has(uploadId))
      for (const { uploadId } of fresh) seen.add(uploadId)
      const done = (await Promise.all(fresh.map(end))).filter(Boolean).length
      ended += done
      // What is left is not to be ended, and would come again.
      if (page.length < PAGE || done === 0) break
    }
    return ended
  }

  async function runOnce(): Promise<number> {
    let ended = 0
    for (const partition of pendingPartitions) ended += await sweepPartition(partition)
    if (ended > 0) log.info({ ended }, 'uploads that were never completed are ended')
    return ended
  }

  const repeating = createRepeating({
    run: async () => {
      await runOnce()
    },
    intervalMs,
    onError: err => log.error({ err }, 'the sweep of pending uploads failed: the next one goes on'),
    ...(sleep && { sleep }),
  })
  return { ...repeating, runOnce }
}
