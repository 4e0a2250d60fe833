import type { WorkerConfig } from '../../platform/config/worker.ts'
import type { Logger } from '../../platform/log.ts'
import { createPeriodicTask, type PeriodicTask } from '../../platform/periodic-task.ts'
import { createOrphanStore } from '../../uploads/objects/orphan-store.ts'
import type { WorkerServices } from '../services.ts'
import { createListUploadObjects, type PageQuery, type UploadsPage } from './list-upload-objects.ts'
import { createPass, type Pass, type SweepResult } from './pass.ts'
import { createSweepClaims, type SweepClaim, type SweepClaims } from './sweep-claim.ts'
import { createUploadBucket } from './upload-bucket.ts'

export interface OrphanSweep extends PeriodicTask {
  /** Runs a pass if one is due and no other worker has it. Resolves to what it did, or to undefined if it did not start. */
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
  /** Rejects when the signal fires. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

/** Maximum time between the id of an upload and its object: a reservation lasts for up to a week, retries for a day. */
const ID_AGE_MS = 8 * 86_400_000

/** Maximum number of pages for one claim. The next claim continues after them. */
const MAX_PAGES = 10_000

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
 * stream, and parts that will not be completed. Any number of workers run the sweep without a leader. One worker at a time holds the
 * claim, and each object is looked at once.
 */
export function createOrphanSweep(settings: OrphanSweepSettings): OrphanSweep {
  const { claims, list, pass, afterMs, passEveryMs = 6 * 3_600_000, intervalMs = 60_000, claimMs = 120_000 } = settings
  const { log, now = Date.now, sleep } = settings

  /** Resolves to true if the pass is complete. */
  async function runPass(claim: SweepClaim, result: SweepResult, signal: AbortSignal): Promise<boolean> {
    const add = ({ requeued, removed }: SweepResult) => {
      result.requeued += requeued
      result.removed += removed
    }
    if (claim.cursor === undefined) add(await pass.unfinished(claim.to, signal))
    const window = { from: claim.from - OVERLAP_MS, to: claim.to }
    let after = claim.cursor
    for (let count = 0; count < MAX_PAGES && !signal.aborted; count++) {
      const page = await list({ after, since: window.from - ID_AGE_MS }, signal)
      add(await pass.objects(page, window, signal))
      if (signal.aborted) return false
      if (page.next === undefined) return true
      after = page.next
      if (!(await claims.advance(claim, after, now() + claimMs))) return false
    }
    return false
  }

  async function run(signal: AbortSignal): Promise<SweepResult | undefined> {
    const at = now()
    const claim = await claims.take({ now: at, until: at + claimMs, to: at - afterMs })
    if (!claim) return undefined
    const result = { requeued: 0, removed: 0 }
    let isDone = false
    try {
      isDone = await runPass(claim, result, signal)
    } catch (error) {
      // To be stopped is no failure: the worker that takes the next claim continues from here.
      if (!signal.aborted) throw error
    } finally {
      if (result.requeued + result.removed > 0) log.info(result, 'orphans swept')
      await (isDone ? claims.finish(claim, now() + passEveryMs) : claims.release(claim))
    }
    return result
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
