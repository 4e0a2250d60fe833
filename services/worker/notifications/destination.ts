import { HeadgateError } from '../../platform/errors.ts'
import type { Notification, NotificationType } from '../../uploads/notifications/notification.ts'

/** What the conditions of a destination are about. */
export interface NotificationSubject {
  type: NotificationType
  owner: string
  /** The detected type, else the declared one, without parameters. */
  mediaType: string
  /** The name of the transform. Undefined if the upload failed before one was chosen. */
  transform: string | undefined
}

/** A receiver of notifications: a webhook or an event bus. */
export interface Destination {
  /** Unique, from the configuration. Stored with what is owed. */
  name: string
  /** Returns true if this destination gets the notification. */
  wants(subject: NotificationSubject): boolean
  /**
   * Sends a notification once, within a time-out of its own. Resolves when the receiver has accepted it.
   *
   * @throws DeliveryError
   */
  send(notification: Notification, signal: AbortSignal): Promise<void>
  /** Closes connections. */
  close(): void
}

/**
 * A receiver did not accept a notification. The message never contains a secret, the query of a URL, or what the receiver answered.
 */
export class DeliveryError extends HeadgateError {
  readonly code = 'HEADGATE_DELIVERY'
  readonly failure: DeliveryFailure
  /** How long the receiver asked to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined

  constructor(
    failure: DeliveryFailure,
    message: string,
    { retryAfterMs, cause }: { retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause })
    this.failure = failure
    this.retryAfterMs = retryAfterMs
  }
}

/** `gone`: the receiver wants no more notifications, so this one is given up at once. Everything else is retried. */
export type DeliveryFailure = 'gone' | 'refused' | 'time-out' | 'unreachable' | 'address-not-allowed'
