import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../../platform/log.ts'
import type { EventPublisher } from '../../uploads/events/publisher.ts'
import type { Deletions } from '../../uploads/records/deletions.ts'
import { eventOf, OUTBOX_PARTITIONS, outboxPartitionName, type UploadRecord } from '../../uploads/records/record.ts'
import type { UploadStore } from '../../uploads/records/store.ts'
import { createOutboxDeletions, type DeletionLimits, type OutboxDeletions } from './deletions.ts'

export interface OutboxRelay {
  /** Starts passes over the outbox, at once and then at every interval. */
  start(): void
  /** Starts nothing more, and waits for work in flight. */
  stop(): Promise<void>
  /**
   * Makes one pass over the outbox. Resolves to the number of published events and finished deletions.
   *
   * @throws AggregateError if some failed: they keep their mark, and a later pass tries them again
   */
  runOnce(): Promise<number>
  /**
   * Returns how long the oldest upload that the last pass left has waited, in milliseconds. 0 if it left none. Undefined before the end of
   * the first pass, and if the outbox could not be read.
   */
  oldestMs(): number | undefined
}

export interface OutboxRelaySettings {
  store: Pick<UploadStore, 'listOutbox' | 'claimOutbox' | 'markQueued'>
  deletions: Pick<Deletions, 'complete'>
  publisher: Pick<EventPublisher, 'publish'>
  /** Time from the end of a pass to the next one. */
  intervalMs: number
  /** Minimum age of an upload, in milliseconds: the api publishes its event first. */
  graceMs: number
  /** How long a claim lasts, in milliseconds. Keep it well over the publisher's time-out, or two relays publish the event. */
  claimMs?: number
  /** Limits of the deletions in a pass. Keep `eachMs` under `claimMs`. */
  deletionLimits?: DeletionLimits
  log: Pick<Logger, 'info' | 'error'>
  now?: () => Date
  /** From 0 to under 1. */
  random?: () => number
  /** Rejects when the signal fires. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** A deletion removes as many objects as its upload has. The events of a later pass wait for `passMs` and `eachMs` at most. */
const DELETION_LIMITS: DeletionLimits = { concurrency: 8, eachMs: 10_000, passMs: 5_000 }

/** Maximum number of uploads that are claimed and published concurrently. */
const PAGE = 100

const MAX_BACKOFF_MS = 60_000

/** Maximum number of pages of a partition in one pass. The next pass continues with the rest. */
const MAX_PAGES = 1_000

/** Maximum number of errors of a partition that are reported. There may be one per upload, and most are alike. */
const MAX_ERRORS = 10

/**
 * Publishes events that the api could not publish. Then finishes deletions that the api did not finish, so that a slow deletion delays no
 * event. Any number of relays run without a leader. Each claims an upload before it publishes its event, and starts its pass at a
 * random partition. The claim of a relay that dies expires. After a crash between publishing and marking, the event is published again,
 * which does no harm.
 */
export function createOutboxRelay(settings: OutboxRelaySettings): OutboxRelay {
  const { store, deletions, publisher, intervalMs, graceMs, claimMs = 30_000, log } = settings
  const { deletionLimits = DELETION_LIMITS } = settings
  const { now = () => new Date(), random = Math.random, sleep = unrefDelay } = settings
  const stopping = new AbortController()
  let loop: Promise<void> | undefined
  /** Epoch milliseconds since which what the last pass left has waited. */
  let leftSince: number | undefined
  let isKnown = false
  /** True if the table or the stream failed in the last pass. A deletion that fails does not count. */
  let isInTrouble = false

  function claim(entry: { owner: string; uploadId: string }): Promise<boolean> {
    const at = now().getTime()
    return store.claimOutbox(entry, { now: at, until: at + claimMs })
  }

  /** Publishes an upload's event. Resolves to false if another relay has it or it is already published. */
  async function publish(record: UploadRecord): Promise<boolean> {
    if (!(await claim(record))) return false
    await publisher.publish(eventOf(record))
    await store.markQueued(record)
    return true
  }

  /**
   * Publishes the events of a partition until this pass has seen all of its entries.
   *
   * @param found receives the uploads that are left, and the deletions
   */
  async function drain(
    partition: string,
    found: { onLeft(record: UploadRecord): void; deletions: OutboxDeletions },
  ): Promise<number> {
    const seen = new Set<string>()
    const before = new Date(now().getTime() - graceMs).toISOString()
    const errors: unknown[] = []
    let published = 0
    let skipped = 0
    let refused = 0
    // If the stream refuses events, it would refuse the following ones, too.
    for (let count = 0; count < MAX_PAGES && refused === 0 && !stopping.signal.aborted; count++) {
      // Entries that were skipped are listed first. The larger page keeps them from hiding the entries behind them.
      const page = await store.listOutbox({ partition, before, limit: PAGE + skipped }, stopping.signal)
      const fresh = page.filter(record => !seen.has(record.uploadId)).slice(0, PAGE)
      if (fresh.length === 0) break
      const records: UploadRecord[] = []
      for (const entry of fresh) {
        seen.add(entry.uploadId)
        if (entry.status === 'deleted') found.deletions.add(entry)
        else records.push(entry)
      }
      const results = await Promise.allSettled(records.map(publish))
      records.forEach((record, index) => {
        const result = results[index]
        if (result?.status === 'fulfilled' && result.value) published++
        else found.onLeft(record)
        if (result?.status !== 'rejected') return
        refused++
        if (errors.length < MAX_ERRORS) errors.push(result.reason)
      })
      skipped = seen.size - published
    }
    isInTrouble ||= refused > 0
    if (refused > 0) throw new AggregateError(errors, `${refused} of ${seen.size} outbox entries failed`)
    return published
  }

  async function runOnce(): Promise<number> {
    const first = Math.floor(random() * OUTBOX_PARTITIONS)
    const errors: unknown[] = []
    isInTrouble = false
    let published = 0
    let since: number | undefined
    const found = {
      onLeft: (record: UploadRecord) => {
        since = Math.min(since ?? Number.POSITIVE_INFINITY, Date.parse(record.updatedAt))
      },
      deletions: createOutboxDeletions({
        claim,
        complete: deletion => deletions.complete(deletion),
        limits: deletionLimits,
        stopping: stopping.signal,
        random,
      }),
    }
    for (let step = 0; step < OUTBOX_PARTITIONS && !stopping.signal.aborted; step++) {
      try {
        published += await drain(outboxPartitionName((first + step) % OUTBOX_PARTITIONS), found)
      } catch (error) {
        // To be stopped while a partition is listed is no failure. Events that were claimed have been published by now.
        if (stopping.signal.aborted && !(error instanceof AggregateError)) break
        errors.push(error)
        isInTrouble ||= !(error instanceof AggregateError)
      }
    }
    const { finished, errors: unfinished } = await found.deletions.finish()
    if (unfinished.length > 0) {
      errors.push(
        new AggregateError(unfinished.slice(0, MAX_ERRORS), `${unfinished.length} deletions were not finished`),
      )
    }
    leftSince = since
    // If no upload is known to be left, but not all partitions were read, the age is unknown.
    isKnown = since !== undefined || (!isInTrouble && !stopping.signal.aborted)
    if (errors.length > 0) throw new AggregateError(errors, 'some outbox entries were not done')
    return published + finished
  }

  async function run(): Promise<void> {
    for (let failures = 0; !stopping.signal.aborted; ) {
      try {
        const published = await runOnce()
        failures = 0
        if (published > 0) log.info({ published }, 'published events from the outbox')
      } catch (err) {
        failures = isInTrouble ? failures + 1 : 0
        log.error({ err, failures }, 'a pass over the outbox failed')
      }
      const wait = Math.max(intervalMs, failures && Math.min(MAX_BACKOFF_MS, intervalMs * 2 ** failures))
      // The wait is random, so that workers that started together do not stay in step.
      await sleep(wait * (0.75 + random() / 2), stopping.signal).catch(onlyAbort)
    }
  }

  return {
    runOnce,
    oldestMs() {
      if (!isKnown) return undefined
      return leftSince === undefined ? 0 : Math.max(0, now().getTime() - leftSince)
    },
    start() {
      loop ??= run()
    },
    async stop() {
      stopping.abort()
      await loop
    },
  }
}

async function unrefDelay(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal, ref: false })
}

function onlyAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error
}
