import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../../platform/log.ts'
import { createPeriodicTask } from '../../platform/periodic-task.ts'
import type { NotificationStore, OwingUpload } from '../../uploads/notifications/notification-store.ts'
import { dueTime, NOTIFY_PARTITIONS, notifyPartitionName } from '../../uploads/notifications/owed.ts'
import { CLAIM_MS, type SendOwed } from './send-owed.ts'

export interface NotificationRelay {
  /** Starts passes over what is due, at once and then at every interval. */
  start(): void
  /** Starts nothing more, waits a short time for attempts in flight, and then cuts them off. */
  stop(): Promise<void>
  /**
   * Sends what is due now, as far as it gets in the time of a pass. Resolves to the number of uploads whose notifications were attempted.
   *
   * @throws AggregateError if the table or another part failed: what was not done stays due
   */
  runOnce(): Promise<number>
  /**
   * Returns for how long the notification that the last pass left has been due, in milliseconds. 0 if it left none. Undefined before the
   * end of the first pass, and if the table could not be read.
   */
  oldestMs(): number | undefined
}

export interface NotificationRelaySettings {
  store: Pick<NotificationStore, 'listOwing' | 'claim'>
  sendOwed: SendOwed
  log: Pick<Logger, 'info' | 'error'>
  /** Average time from the end of a pass to the next one, in milliseconds. */
  intervalMs?: number
  /** How long a pass starts work, in milliseconds. */
  passMs?: number
  /** Maximum number of uploads whose notifications are sent at a time. */
  concurrency?: number
  /** How long attempts in flight may take after `stop`, in milliseconds. */
  stopMs?: number
  /** Epoch milliseconds. */
  now?: () => number
  random?: () => number
}

/** Uploads of a partition that are read at a time. */
const PAGE = 100

const MAX_ERRORS = 10

/**
 * Sends notifications that are due: those that the worker could not send, and retries. Any number of relays run without a leader. Each
 * claims an upload before it sends what the upload owes. The claim of a relay that dies expires, and its notifications are sent again.
 */
export function createNotificationRelay(settings: NotificationRelaySettings): NotificationRelay {
  const { store, sendOwed, log, intervalMs = 5_000, passMs = 60_000, concurrency = 32, stopMs = 2_000 } = settings
  const { now = Date.now, random = Math.random } = settings
  const cutOff = new AbortController()
  let isStopping = false
  let current: Promise<unknown> | undefined
  /** Epoch milliseconds since when what the last pass left has been due. */
  let leftSince: number | undefined
  let isKnown = false

  async function sendClaimed(owing: OwingUpload): Promise<boolean> {
    const claimed = await store.claim(owing, dueTime(now() + CLAIM_MS, random))
    if (!claimed) return false
    await sendOwed(claimed, cutOff.signal)
    return true
  }

  async function pass(): Promise<number> {
    const before = now()
    const until = performance.now() + passMs
    const mayStart = () => !isStopping && performance.now() < until
    const errors: unknown[] = []
    let failed = 0
    let attempted = 0
    let left: number | undefined
    let isComplete = false
    const leave = (dueAt: number) => {
      left = Math.min(left ?? Number.POSITIVE_INFINITY, dueAt)
    }
    const fail = (error: unknown) => {
      failed++
      if (errors.length < MAX_ERRORS) errors.push(error)
    }

    /** Lists what was due at the start of the pass. What becomes due meanwhile is left to the next pass. */
    async function* due(): AsyncGenerator<OwingUpload> {
      const first = Math.floor(random() * NOTIFY_PARTITIONS)
      for (let step = 0; step < NOTIFY_PARTITIONS; step++) {
        const partition = notifyPartitionName((first + step) % NOTIFY_PARTITIONS)
        const seen = new Set<string>()
        while (mayStart()) {
          // The index may still list uploads that were claimed a moment ago.
          const page = await store.listOwing({ partition, dueBefore: before, limit: PAGE + seen.size })
          const fresh = page.filter(({ owner, uploadId }) => !seen.has(`${owner}/${uploadId}`))
          if (fresh.length === 0) break
          for (const owing of fresh) {
            seen.add(`${owing.owner}/${owing.uploadId}`)
            yield owing
          }
        }
      }
      isComplete = mayStart()
    }

    const listed = due()
    async function work(): Promise<void> {
      for (let next = await listed.next(); !next.done; next = await listed.next()) {
        const owing = next.value
        if (!mayStart()) {
          leave(owing.dueAt)
          return
        }
        try {
          if (await sendClaimed(owing)) attempted++
        } catch (error) {
          leave(owing.dueAt)
          fail(error)
        }
      }
    }
    const results = await Promise.allSettled(Array.from({ length: concurrency }, work))
    for (const result of results) if (result.status === 'rejected') fail(result.reason)
    leftSince = left
    isKnown = left !== undefined || (failed === 0 && isComplete)
    if (failed > 0) throw new AggregateError(errors, `${failed} parts of a pass over the notifications failed`)
    return attempted
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
      const attempted = await runOnce()
      if (attempted > 0) log.info({ attempted }, 'sent notifications that were due')
    },
    onError: err => log.error({ err }, 'a pass over the notifications failed'),
  })

  return {
    runOnce,
    start: task.start,
    async stop() {
      isStopping = true
      const ended = new AbortController()
      const timeUp = delay(stopMs, undefined, { signal: ended.signal }).then(
        () => cutOff.abort(),
        () => undefined,
      )
      await Promise.all([task.stop(), current])
      ended.abort()
      await timeUp
    },
    oldestMs() {
      if (!isKnown) return undefined
      return leftSince === undefined ? 0 : Math.max(0, now() - leftSince)
    },
  }
}
