import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { type AttributeValue, GetItemCommand } from '@aws-sdk/client-dynamodb'
import type { Test } from 'tap'
import { names } from '../../../services/platform/resources.ts'
import type { Notification } from '../../../services/uploads/notifications/notification.ts'
import {
  createNotificationStore,
  type NotificationStore,
} from '../../../services/uploads/notifications/notification-store.ts'
import { itemKey, type UploadKey } from '../../../services/uploads/records/store.ts'
import { createAfterAttempt } from '../../../services/worker/notifications/after-attempt.ts'
import type { DestinationBreakerSettings } from '../../../services/worker/notifications/breaker.ts'
import {
  createNotificationDeadLetters,
  type NotificationDeadLetter,
  type NotificationDeadLetters,
} from '../../../services/worker/notifications/dead-letters.ts'
import {
  DeliveryError,
  type Destination,
  type NotificationSubject,
} from '../../../services/worker/notifications/destination.ts'
import { Notifier, type NotifierSettings } from '../../../services/worker/notifications/notifier.ts'
import { createReceiver, type NotificationCounts } from '../../../services/worker/notifications/receiver.ts'
import {
  createNotificationRelay,
  type NotificationRelaySettings,
} from '../../../services/worker/notifications/relay.ts'
import { createSendOwed } from '../../../services/worker/notifications/send-owed.ts'
import type { Pipeline } from '../pipeline.ts'

/** How a receiver answers. It may wait before it answers, or never do so. */
export type Answer = (request: IncomingMessage, response: ServerResponse, notification: Notification) => unknown

/** A receiver of notifications: an HTTP server that remembers what it accepted. */
export interface ReceiverServer {
  url: string
  /** What it accepted, in order. */
  accepted: Notification[]
  /** All attempts, in order. */
  seen: Notification[]
  /** Changes how it answers. @default 204 */
  answer(how: Answer): void
  /** Stops listening, and cuts all connections. */
  die(): Promise<void>
}

export const accept: Answer = (_request, response) => response.writeHead(204).end()
export const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (_request, response) =>
    response.writeHead(code, headers).end()
export const hang: Answer = () => undefined

export async function startReceiver(t: Pick<Test, 'teardown'>): Promise<ReceiverServer> {
  let how = accept
  const accepted: Notification[] = []
  const seen: Notification[] = []
  const server = createServer(async (request, response) => {
    const notification = JSON.parse(await text(request)) as Notification
    seen.push(notification)
    await how(request, response, notification)
    if (response.statusCode === 204 && response.writableEnded) accepted.push(notification)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  async function die(): Promise<void> {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
  t.teardown(die)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    accepted,
    seen,
    answer(next) {
      how = next
    },
    die,
  }
}

/** A destination that posts notifications to a server, as a webhook does. */
export function destinationOf(
  name: string,
  url: string,
  {
    wants = () => true,
    timeoutMs = 15_000,
  }: { wants?: (subject: NotificationSubject) => boolean; timeoutMs?: number } = {},
): Destination {
  return {
    name,
    wants,
    async send(notification, signal) {
      const limit = AbortSignal.timeout(timeoutMs)
      let response: Response
      try {
        response = await fetch(url, {
          method: 'POST',
          body: JSON.stringify(notification),
          signal: AbortSignal.any([signal, limit]),
        })
      } catch (cause) {
        throw new DeliveryError(limit.aborted ? 'time-out' : 'unreachable', 'No answer.', { cause })
      }
      await response.arrayBuffer()
      if (response.ok) return
      const retryAfter = response.headers.get('retry-after')
      const failure = response.status === 410 ? 'gone' : 'refused'
      const retryAfterMs = retryAfter === null ? undefined : Number(retryAfter) * 1_000
      throw new DeliveryError(failure, `The receiver answered ${response.status}.`, { retryAfterMs })
    },
    close() {
      // fetch keeps its connections itself.
    },
  }
}

export interface Clock {
  now: () => number
  advance(ms: number): void
}

/** A clock that runs, and that can be set forward. */
export function createClock(): Clock {
  let ahead = 0
  return {
    now: () => Date.now() + ahead,
    advance(ms) {
      ahead += ms
    },
  }
}

/** What a process needs to send notifications, with its own breakers. */
export function notifying(
  pipeline: Pipeline,
  destinations: readonly Destination[],
  settings: {
    clock?: Clock
    store?: NotificationStore
    deadLetters?: NotificationDeadLetters
    breaker?: DestinationBreakerSettings
    notifier?: Partial<NotifierSettings>
    relay?: Partial<NotificationRelaySettings>
  } = {},
) {
  const { s3, dynamodb } = pipeline.aws
  const { log } = pipeline
  const { clock = createClock(), store = notificationStore(pipeline) } = settings
  const { deadLetters = createNotificationDeadLetters({ s3, bucket: names.processedBucket }) } = settings
  const counted: string[] = []
  const count = (what: string) => (destination: string) => void counted.push(`${destination} ${what}`)
  const counts: NotificationCounts = {
    sent: count('sent'),
    failed: count('failed'),
    deadLettered: count('dead-lettered'),
  }
  const { breaker = {} } = settings
  const receivers = destinations.map(destination => createReceiver({ destination, counts, log, breaker }))
  const deps = { deadLetters, counts, log, now: clock.now, random: Math.random }
  const notifier = new Notifier({
    receivers,
    store,
    afterAttempt: createAfterAttempt(deps),
    log,
    now: clock.now,
    ...settings.notifier,
  })
  const sendOwed = createSendOwed({ ...deps, receivers, store })
  const relay = createNotificationRelay({ store, sendOwed, log, now: clock.now, ...settings.relay })
  return { dynamodb, notifier, relay, clock, store, deadLetters, counted }
}

export function notificationStore({ aws }: Pick<Pipeline, 'aws'>): NotificationStore {
  return createNotificationStore({ dynamodb: aws.dynamodb, table: names.uploadsTable })
}

/** Returns the attributes of an upload's item that concern notifications. */
export async function owedAttributes(
  { aws }: Pick<Pipeline, 'aws'>,
  key: UploadKey,
): Promise<Record<string, AttributeValue>> {
  const { Item = {} } = await aws.dynamodb.send(
    new GetItemCommand({ TableName: names.uploadsTable, Key: itemKey(key), ConsistentRead: true }),
  )
  return Object.fromEntries(Object.entries(Item).filter(([name]) => name.startsWith('notify')))
}

/** Reads all dead letters of notifications. */
export async function lettersOf(deadLetters: NotificationDeadLetters): Promise<NotificationDeadLetter[]> {
  const letters: NotificationDeadLetter[] = []
  for await (const key of deadLetters.keys()) {
    const letter = (await deadLetters.get(key))?.letter
    if (letter) letters.push(letter)
  }
  return letters
}
