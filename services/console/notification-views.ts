import type { Notification } from '../uploads/notifications/notification.ts'
import type { ReplayOutcome, Undelivered } from '../worker/notifications/undelivered.ts'
import type { Failure } from './snapshot.ts'

/** A destination of notifications, as the workers with pages of metrics see it. The counts begin with the processes. */
export interface DestinationView {
  name: string
  /** Workers that send to it. */
  workers: number
  /** Workers that send nothing to it now, because it accepts none or asked for a wait. */
  heldBackBy: number
  sent: number
  /** Attempts. */
  failed: number
  givenUp: number
}

/** A notification that was not delivered, or an object that this version cannot read. */
export type NotificationView = ({ isReadable: true } & Undelivered) | { isReadable: false; key: string }

/** One line of the list of notifications. */
export type NotificationsLine =
  | { type: 'notification'; notification: NotificationView }
  /** There may be more, which are not listed. */
  | { type: 'end'; isCut: boolean }
  | { type: 'failure'; failure: Failure }

/** One notification with its message. */
export type NotificationDetail = Undelivered & {
  message: Notification
  /** The last failure in words. Null if the notification is owed: the record has only the code. */
  reason: string | null
}

/** What a replay of a notification did. */
export type NotificationOutcome = { key: string } & ReplayOutcome
