import type { Logger } from '../../platform/log.ts'
import { createRepeating, type Repeating } from '../../platform/repeating.ts'
import type { PageQuery, UploadsPage } from './list-upload-objects.ts'
import type { Pass, SweepResult } from './pass.ts'
import type { SweepClaim, SweepClaims } from './sweep-claim.ts'

export interface OrphanSweep extends Repeating {
  /** Makes a pass, where one is due and no other worker is at it. Resolves to what it did, undefined where it did not begin. */
  runOnce(): Promise<SweepResult | undefined>
}

export interface OrphanSweepSettings {
  claims: SweepClaims
  list(query: PageQuery, signal: AbortSignal): Promise<UploadsPage>
  pass: Pass
  /**
   * How old something must be to be a stray, in milliseconds: longer than the stream keeps events, or what waits in a backlog is
   * published again, and longer than any request of the api takes.
   */
  afterMs: number
  /** From the end of a pass to the next one, whichever worker makes it, in milliseconds. */
  passEveryMs?: number
  /** How often a worker looks whether it is its turn, in milliseconds. */
  intervalMs?: number
  /** How long a turn outlives its worker, in milliseconds. Longer than a page takes. */
  claimMs?: number
  log: Pick<Logger, 'info' | 'error'>
  now?: () => number
  /** Rejects when the signal fires. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

/** An object may be so much younger than its upload's id: promises are kept for a week, retries made for a day. */
const ID_AGE_MS = 8 * 86_400_000

/** Pages of a turn. The next turn goes on behind them. */
const MAX_PAGES = 10_000

/** The clocks of S3 and of the workers are not the same. What was looked at already is only looked at again. */
const OVERLAP_MS = 300_000

/**
 * Finds what a crash of the api left, or an outage that it could not clean up in: an object whose upload nobody recorded, an
 * upload that waits for an event that is not on the stream, parts that nobody completes. Any number of workers run it without a
 * leader; one at a time has its turn, and every object is looked at once in its life.
 */
export function createOrphanSweep(settings: OrphanSweepSettings): OrphanSweep {
  const {
    claims: turns,
    list,
    pass,
    afterMs,
    passEveryMs = 6 * 3_600_000,
    intervalMs = 60_000,
    claimMs: turnMs = 120_000,
  } = settings
  const { log, now = Date.now, sleep } = settings

  /** Resolves to whether the pass came to its end. */
  async function runPass(turn: SweepClaim, swept: SweepResult, signal: AbortSignal): Promise<boolean> {
    const add = ({ requeued, removed }: SweepResult) => {
      swept.requeued += requeued
      swept.removed += removed
    }
    if (turn.cursor === undefined) add(await pass.unfinished(turn.to, signal))
    const window = { from: turn.from - OVERLAP_MS, to: turn.to }
    let after = turn.cursor
    for (let count = 0; count < MAX_PAGES && !signal.aborted; count++) {
      const page = await list({ after, since: window.from - ID_AGE_MS }, signal)
      add(await pass.objects(page, window, signal))
      if (signal.aborted) return false
      if (page.next === undefined) return true
      after = page.next
      if (!(await turns.advance(turn, after, now() + turnMs))) return false
    }
    return false
  }

  async function run(signal: AbortSignal): Promise<SweepResult | undefined> {
    const at = now()
    const turn = await turns.take({ now: at, until: at + turnMs, to: at - afterMs })
    if (!turn) return undefined
    const swept = { requeued: 0, removed: 0 }
    let isDone = false
    try {
      isDone = await runPass(turn, swept, signal)
    } catch (error) {
      // Stopped half way is no failure: whoever has the next turn goes on there.
      if (!signal.aborted) throw error
    } finally {
      if (swept.requeued + swept.removed > 0) log.info(swept, 'strays were swept')
      await (isDone ? turns.finish(turn, now() + passEveryMs) : turns.release(turn))
    }
    return swept
  }

  const repeating = createRepeating({
    run: async signal => {
      await run(signal)
    },
    intervalMs,
    onError: err => log.error({ err }, 'the sweep of strays failed: the next one goes on'),
    ...(sleep && { sleep }),
  })
  return { ...repeating, runOnce: () => run(repeating.signal) }
}
