import { Agent, request } from 'undici'
import { version } from '../../platform/version.ts'
import type { Notification } from '../../uploads/notifications/notification.ts'
import { AddressNotAllowedError, createGuardedConnector, type LookupAll } from './address-guard.ts'
import { DeliveryError, type Destination } from './destination.ts'
import { parseRetryAfter } from './retry-after.ts'

export interface WebhookSettings {
  name: string
  url: string
  /** Resolves to the secrets to sign with, each as `whsec_…`. More than one during a rotation. @throws DeliveryError */
  secrets(): Promise<readonly string[]>
  wants: Destination['wants']
  /** The value of NOTIFICATIONS_ALLOW_ADDRESSES. */
  allowAddresses: string
  /** Maximum time of an attempt, from the lookup of the host to the head of the answer, in milliseconds. @default 15000 */
  timeoutMs?: number
  /** @default the resolver of the system */
  lookup?: LookupAll
}

const TIMEOUT_MS = 15_000

/** Maximum number of open connections. Further notifications wait for one, within their time-out. */
const MAX_CONNECTIONS = 16

/** What is read of the body of an answer, so that its connection can be used again. Receivers answer with little or nothing. */
const MAX_ANSWER_BYTES = 16 * 1024
const MAX_ANSWER_MS = 1_000

/** The connection ended before an answer. */
const CLOSED = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])

const TIMED_OUT = /^(?:UND_ERR_\w+_TIMEOUT|ETIMEDOUT)$/

/**
 * Creates a destination that posts notifications by the Standard Webhooks specification 1.0: https://www.standardwebhooks.com
 *
 * A status of 2xx accepts the notification, 410 means that the receiver wants no more, and every other status refuses it. Redirects are not
 * followed, because they could lead to any address.
 */
export async function createWebhook(settings: WebhookSettings): Promise<Destination> {
  const { name, secrets, wants, allowAddresses, timeoutMs = TIMEOUT_MS, lookup } = settings
  // Loaded only by workers with a webhook.
  const { signaturesOf } = await import('./sign.ts')
  const url = new URL(settings.url)
  const agent = new Agent({
    connect: createGuardedConnector({ allow: allowAddresses, timeoutMs, ...(lookup && { lookup }) }),
    connections: MAX_CONNECTIONS,
    // With HTTP/2, all requests would wait until the first connection shows which protocol the receiver speaks.
    allowH2: false,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  })
  const userAgent = `headgate/${version()}`

  /** Posts the message. Rejects with the error of undici, whose message and properties can contain what the receiver sent. */
  async function post(id: string, body: string, signal: AbortSignal) {
    const now = new Date()
    const signature = signaturesOf(await secrets(), { id, at: now, body })
    return await request(url, {
      dispatcher: agent,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': userAgent,
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
        'webhook-signature': signature,
      },
      body,
      signal,
    })
  }

  async function send(notification: Notification, signal: AbortSignal): Promise<void> {
    const timeout = AbortSignal.timeout(timeoutMs)
    const both = AbortSignal.any([signal, timeout])
    const body = JSON.stringify(notification)
    const attempt = () => post(notification.id, body, both)
    try {
      // A receiver may close an idle connection at the moment of a request. It has not answered, and the id stays the same, so the request is
      // repeated once.
      const answer = await attempt().catch(error => (CLOSED.has(codeOf(error)) ? attempt() : Promise.reject(error)))
      await discard(answer.body)
      refuseUnless2xx(answer)
    } catch (error) {
      signal.throwIfAborted()
      throw timeout.aborted ? timedOut() : asDeliveryError(error)
    }
  }

  function refuseUnless2xx({ statusCode, headers }: Pick<Awaited<ReturnType<typeof post>>, 'statusCode' | 'headers'>) {
    if (statusCode >= 200 && statusCode < 300) return
    if (statusCode === 410) {
      throw new DeliveryError('gone', `The webhook "${name}" answered 410: it wants no more notifications.`)
    }
    const retryAfterMs = parseRetryAfter(headers['retry-after'], Date.now())
    const redirect =
      statusCode >= 300 && statusCode < 400 ? ' Redirects are not followed: configure the final URL.' : ''
    throw new DeliveryError('refused', `The webhook "${name}" answered ${statusCode}.${redirect}`, { retryAfterMs })
  }

  function timedOut(): DeliveryError {
    return new DeliveryError('time-out', `The webhook "${name}" did not answer within ${timeoutMs / 1_000} s.`)
  }

  /** Returns an error without the cause, which can contain the bytes of an answer or the certificate of a receiver. */
  function asDeliveryError(error: unknown): DeliveryError {
    if (error instanceof DeliveryError) return error
    if (error instanceof AddressNotAllowedError) {
      return new DeliveryError('address-not-allowed', `The webhook "${name}" is not sent. ${error.message}`)
    }
    // A fault of this program is not one of the receiver.
    if (error instanceof TypeError && !('code' in error)) throw error
    const code = codeOf(error)
    if (TIMED_OUT.test(code)) return timedOut()
    return new DeliveryError('unreachable', `The webhook "${name}" cannot be reached: ${code}.`)
  }

  return { name, wants, send, close: () => void agent.destroy() }
}

type AnswerBody = Awaited<ReturnType<typeof request>>['body']

/**
 * Reads the rest of an answer, up to a small bound, and drops it. Closes the connection if the body is longer or slower. The status has
 * decided by then, so a failure of the body does not matter.
 */
async function discard(body: AnswerBody): Promise<void> {
  await body.dump({ limit: MAX_ANSWER_BYTES, signal: AbortSignal.timeout(MAX_ANSWER_MS) }).catch(() => body.destroy())
}

/** Returns the code of a network error. Some are wrapped in others. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  if ('code' in error && typeof error.code === 'string') return error.code
  return error.cause === undefined ? error.name : codeOf(error.cause)
}
