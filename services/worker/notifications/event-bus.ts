import { type AwsCall, AwsCallError } from '../../platform/direct/aws-call.ts'
import type { Notification } from '../../uploads/notifications/notification.ts'
import { DeliveryError, type Destination } from './destination.ts'

export interface EventBusSettings {
  name: string
  /** The name or the ARN of the event bus. */
  eventBus: string
  /** Calls EventBridge. */
  call: AwsCall
  wants: Destination['wants']
  /** Maximum time of an attempt, in milliseconds. @default 15000 */
  timeoutMs?: number
}

/** The source of the events, for rules. */
export const EVENT_SOURCE = 'headgate'

const TIMEOUT_MS = 15_000

/** https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html */
interface PutEventsReply {
  FailedEntryCount?: number
  Entries?: Array<{ EventId?: string; ErrorCode?: string; ErrorMessage?: string }>
}

/**
 * Creates a destination that puts notifications on an event bus of EventBridge. The detail of the event is the notification, so that it has
 * the same schema as the body of a webhook.
 */
export function createEventBus(settings: EventBusSettings): Destination {
  const { name, eventBus, call, wants, timeoutMs = TIMEOUT_MS } = settings

  async function send(notification: Notification, signal: AbortSignal): Promise<void> {
    const timeout = AbortSignal.timeout(timeoutMs)
    const entry = {
      Source: EVENT_SOURCE,
      DetailType: notification.type,
      Detail: JSON.stringify(notification),
      Time: Date.parse(notification.timestamp) / 1_000,
      EventBusName: eventBus,
    }
    try {
      const reply = await call('PutEvents', { Entries: [entry] }, AbortSignal.any([signal, timeout]))
      const { FailedEntryCount = 0, Entries: [result] = [] } = reply as PutEventsReply
      // EventBridge answers 200 for an entry that it did not accept, too.
      if (FailedEntryCount > 0 || result?.EventId === undefined) throw refused(result?.ErrorCode ?? 'no event id')
    } catch (error) {
      signal.throwIfAborted()
      throw asDeliveryError(error, timeout)
    }
  }

  function refused(code: string): DeliveryError {
    return new DeliveryError('refused', `The event bus of the destination "${name}" refused the event: ${code}.`)
  }

  function asDeliveryError(error: unknown, timeout: AbortSignal): DeliveryError {
    if (error instanceof DeliveryError) return error
    if (error instanceof AwsCallError) return refused(error.awsCode)
    const code = codeOf(error)
    if (timeout.aborted || /Timeout|_TIMEOUT|ETIMEDOUT/.test(code)) {
      return new DeliveryError('time-out', `The event bus of the destination "${name}" did not answer in time.`)
    }
    return new DeliveryError('unreachable', `The event bus of the destination "${name}" cannot be reached: ${code}.`)
  }

  // The connections belong to the AWS clients of the process.
  return { name, wants, send, close: () => undefined }
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
