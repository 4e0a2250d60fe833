import type { Logger } from '../../platform/log.ts'
import { createPeriodicTask } from '../../platform/periodic-task.ts'
import type { PutRecords } from '../../uploads/events/put-records.ts'
import { dueTime } from '../../uploads/notifications/owed.ts'
import {
  type ClaimedScan,
  type DueScan,
  type ParkedScanStore,
  SCAN_PARTITIONS,
} from '../../uploads/records/parked-scan-store.ts'
import type { TaggingScanner } from './scanner.ts'

export interface ScanRelay {
  /** Starts passes over the parked records that are due, at once and then at every interval. */
  start(): void
  /** Starts nothing more, and waits for work in flight. */
  stop(): Promise<void>
  /**
   * Puts each parked record that is due on the stream again if its verdict is there, or if it has waited for too long. Resolves to the
   * number of records that it put on the stream.
   *
   * @throws AggregateError if some failed: they are tried again later
   */
  runOnce(): Promise<number>
  /**
   * Returns the age of the oldest record without a verdict that the last passes of this relay saw, in milliseconds. 0 if none waits.
   * Undefined before the end of the first pass, and if the table could not be read.
   */
  oldestMs(): number | undefined
  /** Reads the index of parked records. Rejects if the table has none, and when the signal fires. */
  checkIndex(signal: AbortSignal): Promise<void>
}

export interface ScanRelaySettings {
  store: Pick<ParkedScanStore, 'listDue' | 'claim' | 'postpone' | 'remove' | 'giveUp'>
  scanner: TaggingScanner
  putRecords: PutRecords
  /** Maximum time that a record waits for its verdict, in milliseconds. @default Infinity */
  giveUpAfterMs?: number | undefined
  log: Pick<Logger, 'info' | 'error'>
  /** Average time from the end of a pass to the next one, in milliseconds. */
  intervalMs?: number
  /** How long a pass starts work, in milliseconds. */
  passMs?: number
  /** Maximum number of records that are looked at concurrently. */
  concurrency?: number
  /** Epoch milliseconds. */
  now?: () => number
  random?: () => number
}

/** The time between two looks for the verdict of a record. Most scans take seconds. */
const LOOKS = { firstMs: 3_000, factor: 1.5, maxMs: 300_000 }

/** Longer than a look takes. */
const CLAIM_MS = 30_000

const PAGE = 100
const MAX_ERRORS = 10
const PUT_TIMEOUT_MS = 10_000

/** The errors by which S3 says that there is no object. The worker reports that, or finds that the upload was deleted. */
const GONE = new Set(['NoSuchKey', 'NotFound'])

/**
 * Looks for the verdicts of parked records. Any number of relays run without a leader. Each claims a record by moving the time when it is
 * due, so that a record is due again if its relay dies. A record can be put on the stream twice, which does no harm.
 */
export function createScanRelay(settings: ScanRelaySettings): ScanRelay {
  const { store, scanner, putRecords, log, intervalMs = 2_000, passMs = 60_000, concurrency = 16 } = settings
  const { giveUpAfterMs = Number.POSITIVE_INFINITY, now = Date.now, random = Math.random } = settings
  let isStopping = false
  let current: Promise<unknown> = Promise.resolve()
  let isKnown = false
  /** For each record that waits: since when, and when this relay saw it last. Others are forgotten after the longest time between looks. */
  const waiting = new Map<string, { since: number; seenAt: number }>()

  async function hasVerdict({ object }: ClaimedScan): Promise<boolean> {
    try {
      const { verdict } = await scanner.read(object, AbortSignal.timeout(PUT_TIMEOUT_MS))
      return verdict !== 'none'
    } catch (error) {
      if (error instanceof Error && GONE.has(error.name)) return true
      throw error
    }
  }

  async function publish({ event, partitionKey }: ClaimedScan): Promise<void> {
    let refusal: unknown
    const onRefusal = (cause: unknown) => {
      refusal = cause
    }
    const record = { data: Buffer.from(event), partitionKey }
    const [result] = await putRecords([record], { signal: AbortSignal.timeout(PUT_TIMEOUT_MS), onRefusal })
    if (result?.SequenceNumber !== undefined) return
    throw new Error(`Kinesis did not accept the event: ${result?.ErrorMessage ?? 'no result'}`, { cause: refusal })
  }

  /** Resolves to true if the record is on the stream again. */
  async function look(due: DueScan): Promise<boolean> {
    const id = `${due.owner}/${due.uploadId}`
    const claimed = await store.claim(due, dueTime(now() + CLAIM_MS, random))
    if (!claimed) return false
    const isOverdue = now() - claimed.since >= giveUpAfterMs
    if (!(await hasVerdict(claimed)) && !isOverdue) {
      waiting.set(id, { since: claimed.since, seenAt: now() })
      const wait = Math.min(LOOKS.maxMs, LOOKS.firstMs * LOOKS.factor ** claimed.attempts) * (0.75 + random() / 2)
      await store.postpone(claimed, now() + wait)
      return false
    }
    await publish(claimed)
    if (isOverdue) await store.giveUp(claimed)
    else await store.remove(claimed.object)
    waiting.delete(id)
    return true
  }

  async function pass(): Promise<number> {
    const before = now()
    const until = performance.now() + passMs
    const mayStart = () => !isStopping && performance.now() < until
    const errors: unknown[] = []
    let failed = 0
    let published = 0
    const fail = (error: unknown) => {
      failed++
      if (errors.length < MAX_ERRORS) errors.push(error)
    }

    async function* due(): AsyncGenerator<DueScan> {
      const first = Math.floor(random() * SCAN_PARTITIONS)
      for (let step = 0; step < SCAN_PARTITIONS; step++) {
        const partition = (first + step) % SCAN_PARTITIONS
        const seen = new Set<string>()
        while (mayStart()) {
          // The index may still list records that were claimed a moment ago.
          const page = await store.listDue({ partition, dueBefore: before, limit: PAGE + seen.size })
          const fresh = page.filter(({ uploadId }) => !seen.has(uploadId))
          if (fresh.length === 0) break
          for (const one of fresh) {
            seen.add(one.uploadId)
            yield one
          }
        }
      }
    }

    const listed = due()
    async function work(): Promise<void> {
      for (let next = await listed.next(); !next.done && mayStart(); next = await listed.next()) {
        try {
          if (await look(next.value)) published++
        } catch (error) {
          fail(error)
        }
      }
    }
    const results = await Promise.allSettled(Array.from({ length: concurrency }, work))
    for (const result of results) if (result.status === 'rejected') fail(result.reason)
    for (const [id, { seenAt }] of waiting) if (now() - seenAt > 2 * LOOKS.maxMs) waiting.delete(id)
    isKnown = failed === 0
    if (failed > 0) throw new AggregateError(errors, `${failed} parts of a pass over the parked uploads failed`)
    return published
  }

  function runOnce(): Promise<number> {
    const running = pass()
    current = running.catch(() => undefined)
    return running
  }

  const task = createPeriodicTask({
    intervalMs,
    random,
    async run() {
      const published = await runOnce()
      if (published > 0) log.info({ published }, 'queued uploads whose scan has ended')
    },
    onError: err => log.error({ err }, 'a pass over the uploads that wait for their scan failed'),
  })

  return {
    runOnce,
    start: task.start,
    async stop() {
      isStopping = true
      await Promise.all([task.stop(), current])
    },
    async checkIndex(signal) {
      await store.listDue({ partition: 0, dueBefore: 0, limit: 1 }, signal)
    },
    oldestMs() {
      if (!isKnown && waiting.size === 0) return undefined
      let since = Number.POSITIVE_INFINITY
      for (const one of waiting.values()) since = Math.min(since, one.since)
      return waiting.size === 0 ? 0 : Math.max(0, now() - since)
    },
  }
}
