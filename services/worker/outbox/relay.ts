import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../../platform/log.ts'
import type { EventPublisher } from '../../uploads/events/publisher.ts'
import type { Deletions } from '../../uploads/records/deletions.ts'
import { eventOf, OUTBOX_PARTITIONS, outboxPartitionName, type UploadRecord } from '../../uploads/records/record.ts'
import type { UploadStore } from '../../uploads/records/store.ts'
import { createOutboxDeletions, type DeletionLimits, type OutboxDeletions } from './deletions.ts'

export interface OutboxRelay {
  /** Begins to go over the outbox, at once and then at every interval. */
  start(): void
  /** Begins nothing more, and waits for what is under way. */
  stop(): Promise<void>
  /**
   * Goes over the whole outbox once and resolves to how many events it put on the stream and deletions it finished.
   *
   * @throws AggregateError when some could not be: they keep their mark, and a later pass has them again
   */
  runOnce(): Promise<number>
  /**
   * How long the oldest upload has waited, in milliseconds, of those that the last pass had to leave. 0 where it left none,
   * undefined where the outbox could not be read, and before the end of a pass.
   */
  oldestMs(): number | undefined
}

export interface OutboxRelaySettings {
  store: Pick<UploadStore, 'listOutbox' | 'claimOutbox' | 'markQueued'>
  deletions: Pick<Deletions, 'complete'>
  publisher: Pick<EventPublisher, 'publish'>
  /** Time from the end of a pass to the next one. */
  intervalMs: number
  /** How old an upload must be: its own api process comes first. */
  graceMs: number
  /** How long a claim keeps other relays off. Keep it well over the publisher's time-out, or two of them publish. */
  claimMs?: number
  /** Of the deletions in a pass. Keep `eachMs` under `claimMs`. */
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

/** Uploads that are claimed and published side by side. */
const PAGE = 100

const MAX_BACKOFF_MS = 60_000

/** Pages of a partition in one pass. The next pass continues with the rest. */
const MAX_PAGES = 1_000

/** Of a partition's errors, what is told: they are all alike, mostly, and there may be as many as uploads. */
const MAX_ERRORS = 10

/**
 * Publishes the events that the api could not, and then finishes the deletions that it did not live to finish, so that a slow
 * deletion delays no event. Any number of relays run side by side without a leader: each claims an upload before it publishes,
 * begins its pass at a partition of its own luck, and a claim that its relay did not live to honour runs out. A crash between
 * publishing and marking publishes a second time, which the processor does not mind.
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
  /** Whether the last pass met with what is trouble for all: the table, or the stream. A deletion that cannot be finished is its own. */
  let isInTrouble = false

  function claim(entry: { owner: string; uploadId: string }): Promise<boolean> {
    const at = now().getTime()
    return store.claimOutbox(entry, { now: at, until: at + claimMs })
  }

  /** Publishes an upload's event, unless another relay has it or it is published already. Resolves to whether it did. */
  async function publish(record: UploadRecord): Promise<boolean> {
    if (!(await claim(record))) return false
    await publisher.publish(eventOf(record))
    await store.markQueued(record)
    return true
  }

  /**
   * Publishes the events of a partition until it holds nothing that this pass has not seen.
   *
   * @param found receives what else there is: each upload that is left, and the deletions
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
    // Where the stream refuses, it would refuse what is behind as well.
    for (let count = 0; count < MAX_PAGES && refused === 0 && !stopping.signal.aborted; count++) {
      // What stays listed comes first: without the room for it, it would hide what is behind.
      const page = await store.listOutbox({ partition, before, limit: PAGE + skipped })
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
    if (refused > 0) throw new AggregateError(errors, `${refused} of ${seen.size} were not done`)
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
    // Where nothing was seen to be left, and not all was looked at, nothing is known.
    isKnown = since !== undefined || (!isInTrouble && !stopping.signal.aborted)
    if (errors.length > 0) throw new AggregateError(errors, 'not all of the outbox was done')
    return published + finished
  }

  async function run(): Promise<void> {
    for (let failures = 0; !stopping.signal.aborted; ) {
      try {
        const published = await runOnce()
        failures = 0
        if (published > 0) log.info({ published }, 'published from the outbox')
      } catch (err) {
        failures = isInTrouble ? failures + 1 : 0
        log.error({ err, failures }, 'the outbox could not be published')
      }
      const wait = Math.max(intervalMs, failures && Math.min(MAX_BACKOFF_MS, intervalMs * 2 ** failures))
      // Spread, so that workers that started together do not look together for ever.
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
