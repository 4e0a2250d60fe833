import { traceIdOf } from '../../platform/tracing/traceparent.ts'
import { decodeEvent } from '../../uploads/events/decode-event.ts'
import { type BareEvent, isUploadEvent, type UploadEvent } from '../../uploads/events/event.ts'
import type { StreamRecord } from '../stream-record.ts'

/** Returns the ids of the request that an event comes from, under the names that the api logs them by. */
export function requestFields(event: UploadEvent | BareEvent | undefined): { requestId?: string; traceId?: string } {
  if (!event || !isUploadEvent(event)) return {}
  const traceId = traceIdOf(event.traceparent)
  return { requestId: event.requestId, ...(traceId !== undefined && { traceId }) }
}

/** Returns the fields that name the upload of a record in the log. Empty for a record that is not an event. */
export function uploadFields({ data }: Pick<StreamRecord, 'data'>): Record<string, string> {
  try {
    const event = decodeEvent(data)
    return { key: event.key, ...(isUploadEvent(event) && { uploadId: event.uploadId }), ...requestFields(event) }
  } catch {
    // The processor refuses such a record, and reports why.
    return {}
  }
}
