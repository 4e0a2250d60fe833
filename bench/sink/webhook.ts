import type { SinkCounts, SinkReply } from './counts.ts'

/** The path of the webhook of the sink. */
export const WEBHOOK_PATH = '/webhook'

/** Accepts and counts a notification. Any other body is a request that the sink does not support. */
export function takeNotification(body: Buffer, counts: SinkCounts): SinkReply {
  if (body.includes('"type":"upload.processed"')) counts.notifications++
  else {
    counts.unknown++
    counts.lastUnknown = `POST ${WEBHOOK_PATH}`
  }
  return { status: 200, headers: {}, body: '' }
}
