import type { Logger } from '../../platform/log.ts'
import { notificationOf } from '../../uploads/notifications/message.ts'
import type { NotificationType } from '../../uploads/notifications/notification.ts'
import type { NotificationStore } from '../../uploads/notifications/notification-store.ts'
import {
  dueTime,
  type NewNotification,
  notificationId,
  type OwedBy,
  type OwedNotification,
  type PendingDelivery,
} from '../../uploads/notifications/owed.ts'
import type { UploadKey } from '../../uploads/records/store.ts'
import type { StreamRecord } from '../stream-record.ts'
import type { AfterAttempt } from './after-attempt.ts'
import { Lane } from './lane.ts'
import { type Attempt, type Receiver, SEND_TIMEOUT_MS } from './receiver.ts'

/** The end of an upload, of which a notification may tell. */
export interface UploadEnd {
  upload: UploadKey
  type: NotificationType
  /** The media type, without parameters. */
  mediaType: string
  /** The name of the transform. Undefined if the upload failed before one was chosen. */
  transform: string | undefined
  /** The record of the stream that was processed. */
  record: StreamRecord
}

export interface NotifierSettings {
  receivers: readonly Receiver[]
  store: Pick<NotificationStore, 'settle'>
  afterAttempt: AfterAttempt
  log: Pick<Logger, 'warn'>
  /** Maximum number of notifications that are sent to a destination at a time. */
  concurrency?: number
  /** Maximum number of notifications that wait for a destination. Further ones are left to the relay. */
  maxWaiting?: number
  /** Epoch milliseconds. */
  now?: () => number
  random?: () => number
}

/** How long the relay leaves a new notification to the worker, in milliseconds. */
export const NOTIFY_GRACE_MS = 30_000

/** The part of that time in which an attempt may start: it must have ended when the relay takes over. */
const START_WITHIN_MS = NOTIFY_GRACE_MS - SEND_TIMEOUT_MS - 3_000

/** Maximum time that the results of attempts which were cut off have to be recorded, in milliseconds. */
const LAST_WRITES_MS = 1_000

/**
 * Sends notifications right after the writes that made them owed, without delaying any upload. What cannot be sent at once is left to
 * the relay, for which it is already owed.
 */
export class Notifier {
  readonly #settings: Required<NotifierSettings>
  readonly #lanes: ReadonlyMap<string, { receiver: Receiver; lane: Lane }>
  readonly #jobs = new Set<Promise<void>>()
  #cutOff = new AbortController()

  constructor(settings: NotifierSettings) {
    const { concurrency = 16, maxWaiting = 1_000, now = Date.now, random = Math.random } = settings
    this.#settings = { ...settings, concurrency, maxWaiting, now, random }
    this.#lanes = new Map(
      settings.receivers.map(receiver => [receiver.name, { receiver, lane: new Lane({ concurrency, maxWaiting }) }]),
    )
  }

  /** Returns the notification that the write of a status makes owed. It is sent after the write. Undefined if no destination wants it. */
  create({ upload, type, mediaType, transform, record }: UploadEnd): NewNotification | undefined {
    const subject = { type, owner: upload.owner, mediaType, transform }
    const destinations = this.#settings.receivers
      .filter(({ destination }) => destination.wants(subject))
      .map(({ name }) => name)
    if (destinations.length === 0) return undefined
    const { sequenceNumber } = record
    const at = this.#settings.now()
    const dueAt = dueTime(at + NOTIFY_GRACE_MS, this.#settings.random)
    const id = notificationId(upload, type, record)
    const notification: NewNotification = {
      id,
      type,
      sequenceNumber,
      at,
      destinations,
      dueAt,
      onOwed: by => this.#start(upload, notification, by),
    }
    return notification
  }

  /**
   * Waits until all notifications are sent, for a limited time. Then leaves those that wait to the relay, and cuts off the attempts in
   * flight. Their results still have to be recorded, for which it waits as long again, but no more than a second. Never rejects.
   */
  async drain(withinMs: number): Promise<void> {
    const done = Promise.all(this.#jobs)
    if (await isDoneWithin(done, withinMs)) return
    for (const { lane } of this.#lanes.values()) lane.refuseWaiting()
    this.#cutOff.abort()
    this.#cutOff = new AbortController()
    await isDoneWithin(done, Math.min(withinMs, LAST_WRITES_MS))
  }

  #start(upload: UploadKey, added: NewNotification, { record, isBehind }: OwedBy): void {
    if (isBehind) return
    const { id, type, sequenceNumber, at, destinations, dueAt } = added
    const pending = new Map(destinations.map(name => [name, { attempts: 0, nextAt: 0 }]))
    const { failure } = record
    const owed = { id, type, sequenceNumber, at, pending, ...(type !== 'upload.processed' && failure && { failure }) }
    const job = this.#send({ ...upload, dueAt }, owed, record).catch(err => {
      this.#settings.log.warn(
        { err, notificationId: id, uploadId: upload.uploadId },
        'the delivery of a notification was not recorded, so the relay sends it again',
      )
    })
    this.#jobs.add(job)
    void job.then(() => this.#jobs.delete(job))
  }

  async #send(owing: UploadKey & { dueAt: number }, owed: OwedNotification, record: OwedBy['record']): Promise<void> {
    const { afterAttempt, store, now, random } = this.#settings
    const message = notificationOf(record, owed)
    const { signal } = this.#cutOff
    const attempts = await Promise.all(
      [...owed.pending.keys()].map(async (name): Promise<[string, Attempt | undefined]> => {
        const { lane, receiver } = this.#lanes.get(name) ?? {}
        const attempt = await lane?.run(async () => {
          if (now() - owed.at > START_WITHIN_MS || receiver?.isHeldBack()) return undefined
          return receiver?.send(message, signal)
        })
        return [name, attempt]
      }),
    )
    const left = new Map<string, PendingDelivery>()
    let isChanged = false
    for (const [destination, attempt] of attempts) {
      const before = owed.pending.get(destination)
      const isAttempted = attempt?.result === 'delivered' || attempt?.result === 'failed'
      const after = isAttempted ? await afterAttempt({ record, notification: owed, destination }, attempt) : before
      if (after) left.set(destination, after)
      isChanged ||= isAttempted
    }
    // The relay takes over at `dueAt`, as the record already says.
    if (!isChanged) return
    const after = left.size > 0 ? [{ ...owed, pending: left }] : []
    const nextAt = Math.min(owing.dueAt, ...[...left.values()].map(state => state.nextAt || owing.dueAt))
    await store.settle(owing, { before: [owed], after, nextAt: dueTime(nextAt, random) })
  }
}

async function isDoneWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const timeUp = new Promise<false>(resolve => {
    timer = setTimeout(() => resolve(false), ms)
  })
  return await Promise.race([work.then(() => true), timeUp]).finally(() => clearTimeout(timer))
}
