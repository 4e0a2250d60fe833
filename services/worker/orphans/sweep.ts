import type { WorkerConfig } from '../../platform/config/worker.ts'
import type { Logger } from '../../platform/log.ts'
import { createPeriodicTask, type PeriodicTask } from '../../platform/periodic-task.ts'
import { createOrphanStore } from '../../uploads/objects/orphan-store.ts'
import type { WorkerServices } from '../services.ts'
import {
  createListUploadObjects,
  type PageQuery,
  type Section,
  sections,
  type UploadsPage,
} from './list-upload-objects.ts'
import { createPass, type Pass, type SweepResult } from './pass.ts'
import { createSweepClaims, type SweepClaim, type SweepClaims } from './sweep-claim.ts'
import { createUploadBucket } from './upload-bucket.ts'

export interface OrphanSweep extends PeriodicTask {
  /** Runs the passes of the sections that are due and that no other worker has. Resolves to what they did, or to undefined if none is due. */
  runOnce(): Promise<SweepResult | undefined>
}

export interface OrphanSweepSettings {
  claims: SweepClaims
  list(query: PageQuery, signal: AbortSignal): Promise<UploadsPage>
  pass: Pass
  /**
   * Age after which something is an orphan, in milliseconds. Must be longer than the stream retains events, or uploads that wait in a
   * backlog are published again, and longer than any request of the api takes.
   */
  afterMs: number
  /** Time from the end of a pass to the next one, by any worker, in milliseconds. */
  passEveryMs?: number
  /** Time between two checks whether a pass is due, in milliseconds. */
  intervalMs?: number
  /** How long a claim outlives its worker, in milliseconds. Must be longer than a page takes. */
  claimMs?: number
  log: Pick<Logger, 'info' | 'error'>
  now?: () => number
  /** Returns a number from 0 to below 1. @default Math.random */
  random?: () => number
  /** Rejects when the signal fires. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

/** Maximum time between the id of an upload and its object: a reservation lasts for up to a week, retries for a day. */
const ID_AGE_MS = 8 * 86_400_000

/** Maximum number of pages for one claim. The next claim continues after them. */
const MAX_PAGES = 10_000

/**
 * Minimum average time for each page, over all passes of a section, in milliseconds. So all sections together make at most ten requests a
 * second to list the bucket, which cost 130 dollars a month, however large it is.
 */
const PAGE_INTERVAL_MS = 1_600

/** Sections that a worker sweeps at a time. Most of the time is spent waiting for S3. */
const SECTIONS_AT_ONCE = 4

/** The clocks of S3 and of the workers differ. Objects in the overlap are only looked at twice. */
const OVERLAP_MS = 300_000

type Config = Pick<WorkerConfig, 'UPLOAD_BUCKET' | 'PROCESSED_BUCKET' | 'UPLOADS_TABLE' | 'STRAY_AFTER_HOURS'>

/** Creates the sweep of orphans from the configuration. */
export function createWorkerOrphanSweep(
  config: Config,
  { s3, dynamodb }: Pick<WorkerServices, 's3' | 'dynamodb'>,
  log: Pick<Logger, 'info' | 'error'>,
  now: () => number = Date.now,
): OrphanSweep {
  const { UPLOAD_BUCKET: uploadBucket, PROCESSED_BUCKET: processedBucket, UPLOADS_TABLE: table } = config
  return createOrphanSweep({
    claims: createSweepClaims({ dynamodb, table }),
    list: createListUploadObjects(s3, uploadBucket),
    pass: createPass({
      bucket: createUploadBucket(s3, uploadBucket),
      orphans: createOrphanStore({ dynamodb, table, now: () => new Date(now()) }),
      uploadBucket,
      processedBucket,
      log,
    }),
    afterMs: config.STRAY_AFTER_HOURS * 3_600_000,
    log,
    now,
  })
}

/**
 * Finds what a crash or an outage of the api left behind: objects whose upload was never recorded, uploads whose event is not on the
 * stream, and parts that will not be completed. Any number of workers share the sections of the bucket without a leader. One worker at a
 * time holds the claim on a section, and each object is looked at once.
 */
export function createOrphanSweep(settings: OrphanSweepSettings): OrphanSweep {
  const { claims, list, pass, afterMs, passEveryMs = 6 * 3_600_000, intervalMs = 60_000, claimMs = 120_000 } = settings
  const { log, now = Date.now, random = Math.random, sleep } = settings

  /** Resolves to the number of pages of the pass once it is complete, otherwise to undefined. */
  async function runPass(
    section: Section,
    claim: SweepClaim,
    result: SweepResult,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const add = ({ requeued, removed }: SweepResult) => {
      result.requeued += requeued
      result.removed += removed
    }
    const { index, after: start, end } = section
    // There are few of them, so one section looks at those of the whole bucket.
    if (index === 0 && claim.cursor === undefined) add(await pass.unfinished(claim.to, signal))
    const window = { from: claim.from - OVERLAP_MS, to: claim.to }
    let after = claim.cursor ?? start
    for (let count = 1; count <= MAX_PAGES && !signal.aborted; count++) {
      const page = await list({ after, end, since: window.from - ID_AGE_MS }, signal)
      add(await pass.objects(page, window, signal))
      if (signal.aborted) return undefined
      const pages = claim.pages + count
      if (page.next === undefined) return pages
      after = page.next
      if (!(await claims.advance(claim, { cursor: after, pages, until: now() + claimMs }, signal))) return undefined
    }
    return undefined
  }

  async function sweepSection(section: Section, signal: AbortSignal): Promise<SweepResult | undefined> {
    const at = now()
    const claim = await claims.take(section.index, { now: at, until: at + claimMs, to: at - afterMs }, signal)
    if (!claim) return undefined
    const result = { requeued: 0, removed: 0 }
    let pages: number | undefined
    try {
      pages = await runPass(section, claim, result, signal)
    } catch (error) {
      // To be stopped is no failure: the worker that takes the next claim continues from here.
      if (!signal.aborted) throw error
    } finally {
      if (result.requeued + result.removed > 0) log.info(result, 'orphans swept')
      if (pages === undefined) await claims.release(claim)
      else await claims.finish(claim, now() + Math.max(passEveryMs, pages * PAGE_INTERVAL_MS), signal)
    }
    return result
  }

  /** Sweeps all sections that are due. Workers begin at different sections, so that they seldom ask for the same. */
  async function run(signal: AbortSignal): Promise<SweepResult | undefined> {
    const first = Math.floor(random() * sections.length)
    const left = [...sections.slice(first), ...sections.slice(0, first)]
    let total: SweepResult | undefined
    async function sweepNext(): Promise<void> {
      for (let section = left.shift(); section; section = left.shift()) {
        if (signal.aborted) return
        const swept = await sweepSection(section, signal)
        if (!swept) continue
        total ??= { requeued: 0, removed: 0 }
        total.requeued += swept.requeued
        total.removed += swept.removed
      }
    }
    const ends = await Promise.allSettled(Array.from({ length: SECTIONS_AT_ONCE }, sweepNext))
    const failed = ends.find(end => end.status === 'rejected')
    if (failed && !signal.aborted) throw failed.reason
    return total
  }

  const repeating = createPeriodicTask({
    run: async signal => {
      await run(signal)
    },
    intervalMs,
    onError: err => log.error({ err }, 'the sweep of orphans failed: the next one continues from there'),
    ...(sleep && { sleep }),
  })
  return { ...repeating, runOnce: () => run(repeating.signal) }
}
