import type { Logger } from '../../platform/log.ts'
import type { NotificationRelay } from '../notifications/relay.ts'
import type { OutboxRelay } from '../outbox/relay.ts'
import type { ScanRelay } from '../scanning/relay.ts'
import { type TimeLeft, withinInvocation } from './within-invocation.ts'

export interface RelayHandlerSettings {
  createRelay(): Pick<OutboxRelay, 'runOnce' | 'stop' | 'oldestMs'>
  /** Called with the age of the oldest upload that the pass left, in milliseconds, if it is known. */
  onPass(oldestMs: number): void
  /** Undefined if there are no destinations. */
  createNotificationRelay?: (() => Pick<NotificationRelay, 'runOnce' | 'stop' | 'oldestMs'>) | undefined
  /** Called after each pass over the notifications, with the age of what it left, in milliseconds, if it is known. */
  onNotifications?: (oldestMs: number | undefined) => void
  /** Undefined unless the scanner tags objects. */
  createScanRelay?: (() => Pick<ScanRelay, 'runOnce' | 'stop' | 'oldestMs'>) | undefined
  /** Called after each pass over the uploads that wait for their scan, with the age of the oldest, in milliseconds, if it is known. */
  onScans?: (oldestMs: number | undefined) => void
  log: Pick<Logger, 'info'>
}

/** A handler for a schedule. Each invocation makes one pass over each kind of work, and ignores the event. */
export type RelayHandler = (event: unknown, context: TimeLeft) => Promise<{ published: number }>

/** Runs the relays where no worker container runs. Concurrent invocations do no harm. */
export function createRelayHandler(settings: RelayHandlerSettings): RelayHandler {
  const { createRelay, onPass, createNotificationRelay, onNotifications, createScanRelay, onScans, log } = settings

  async function publish(context: TimeLeft): Promise<number> {
    const relay = createRelay()
    try {
      const published = await withinInvocation(context, { run: () => relay.runOnce(), stop: () => relay.stop() })
      if (published > 0) log.info({ published }, 'published events from the outbox')
      return published
    } finally {
      const oldestMs = relay.oldestMs()
      if (oldestMs !== undefined) onPass(oldestMs)
    }
  }

  async function notify(context: TimeLeft): Promise<void> {
    const relay = createNotificationRelay?.()
    if (!relay) return
    try {
      const attempted = await withinInvocation(context, { run: () => relay.runOnce(), stop: () => relay.stop() })
      if (attempted > 0) log.info({ attempted }, 'sent notifications that were due')
    } finally {
      onNotifications?.(relay.oldestMs())
    }
  }

  async function queueScanned(context: TimeLeft): Promise<void> {
    const relay = createScanRelay?.()
    if (!relay) return
    try {
      const queued = await withinInvocation(context, { run: () => relay.runOnce(), stop: () => relay.stop() })
      if (queued > 0) log.info({ queued }, 'queued uploads whose scan has ended')
    } finally {
      onScans?.(relay.oldestMs())
    }
  }

  return async (_event, context) => {
    // All end before the invocation does, even if one fails: an instance is frozen after it.
    const work = [publish(context), notify(context), queueScanned(context)] as const
    const [published, ...others] = await Promise.allSettled(work)
    for (const result of [published, ...others]) if (result.status === 'rejected') throw result.reason
    if (published.status === 'rejected') throw published.reason
    return { published: published.value }
  }
}
