import type { Logger } from '../../platform/log.ts'
import type { Notification } from '../../uploads/notifications/notification.ts'
import { DestinationBreaker, type DestinationBreakerSettings } from './breaker.ts'
import { DeliveryError, type DeliveryFailure, type Destination } from './destination.ts'

/** The result of an attempt to send a notification. */
export type Attempt =
  | { result: 'delivered' }
  /** The receiver did not accept it. */
  | { result: 'failed'; failure: DeliveryFailure; message: string; retryAfterMs: number | undefined }
  /** It was not sent, because the receiver did not accept the ones before, or asked for a wait. */
  | { result: 'held back'; forMs: number }
  /** The attempt was cut off. The receiver may have got the notification. */
  | { result: 'cut off' }

/** Counts notifications by destination. */
export interface NotificationCounts {
  sent(destination: string): void
  failed(destination: string): void
  deadLettered(destination: string): void
}

/** A destination with its breaker. The worker and the relay of a process share it. */
export interface Receiver {
  readonly name: string
  readonly destination: Pick<Destination, 'wants'>
  /** True while `send` would send nothing. */
  isHeldBack(): boolean
  /** Tries to send a notification once. Never rejects. */
  send(notification: Notification, signal: AbortSignal): Promise<Attempt>
}

export interface ReceiverSettings {
  destination: Destination
  counts: NotificationCounts
  log: Pick<Logger, 'warn' | 'info'>
  breaker?: Omit<DestinationBreakerSettings, 'onOpen' | 'onClose'>
  /** Maximum duration of an attempt, in milliseconds. Longer than the time-out of the destination, which reports more. */
  timeoutMs?: number
}

/**
 * An attempt that is cut off after this time counts against the receiver, in milliseconds. On Lambda, attempts are cut off at the end of each
 * invocation. Otherwise a receiver that hangs would hold up every invocation, and a slow one would get every notification twice.
 */
const SLOW_MS = 750

/** A destination ends an attempt after 15 s. This limit holds if it does not. */
export const SEND_TIMEOUT_MS = 17_000

export function createReceiver(settings: ReceiverSettings): Receiver {
  const { destination, counts, log, timeoutMs = SEND_TIMEOUT_MS } = settings
  const { name } = destination
  const breaker = new DestinationBreaker({
    ...settings.breaker,
    onOpen: () =>
      log.warn({ destination: name }, 'notifications are held back, because their destination accepts none'),
    onClose: () => log.info({ destination: name }, 'the destination accepts notifications again'),
  })

  async function attempt(notification: Notification, signal: AbortSignal): Promise<Attempt> {
    const limit = AbortSignal.timeout(timeoutMs)
    const either = AbortSignal.any([signal, limit])
    try {
      await Promise.race([destination.send(notification, either), whenAborted(either)])
      return { result: 'delivered' }
    } catch (error) {
      if (signal.aborted) return { result: 'cut off' }
      if (error instanceof DeliveryError) {
        const { failure, message, retryAfterMs } = error
        return { result: 'failed', failure, message, retryAfterMs }
      }
      const isLate = limit.aborted
      if (!isLate) log.warn({ err: error, destination: name }, 'a destination failed with an unexpected error')
      return {
        result: 'failed',
        failure: isLate ? 'time-out' : 'unreachable',
        message: isLate ? `There was no answer within ${timeoutMs} ms.` : 'The notification could not be sent.',
        retryAfterMs: undefined,
      }
    }
  }

  return {
    name,
    destination,
    isHeldBack: () => breaker.isOpen,
    async send(notification, signal) {
      if (signal.aborted) return { result: 'cut off' }
      if (!breaker.enter()) return { result: 'held back', forMs: breaker.heldForMs }
      const startedAt = performance.now()
      const outcome = await attempt(notification, signal)
      if (outcome.result === 'delivered') {
        breaker.succeeded()
        counts.sent(name)
      } else if (outcome.result === 'cut off') {
        if (performance.now() - startedAt >= SLOW_MS) breaker.failed()
        else breaker.cutOff()
      } else if (outcome.result === 'failed') {
        counts.failed(name)
        // A receiver that answers 410 is there. Each notification for it is given up at once.
        if (outcome.failure === 'gone') breaker.succeeded()
        else breaker.failed(outcome.retryAfterMs)
        const { failure, message: reason, retryAfterMs } = outcome
        const { id: notificationId, data } = notification
        log.warn(
          { destination: name, notificationId, uploadId: data.uploadId, failure, reason, retryAfterMs },
          'a notification could not be delivered',
        )
      }
      return outcome
    },
  }
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
