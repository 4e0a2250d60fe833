import { type BareEvent, isUploadEvent, type UploadEvent } from '../../uploads/events/event.ts'
import type { NotificationType } from '../../uploads/notifications/notification.ts'
import type { NewNotification } from '../../uploads/notifications/owed.ts'
import type { UploadKey } from '../../uploads/records/store.ts'
import type { Notifier } from '../notifications/notifier.ts'
import type { StreamRecord } from '../stream-record.ts'
import { parseMediaType } from '../transforms/media-type.ts'
import type { OpenedUpload } from './process-upload.ts'

/** What is known about an upload that ends. */
export interface EndingUpload {
  event?: UploadEvent | BareEvent
  upload?: UploadKey | undefined
  /** Missing if the upload failed before. */
  opened?: { source: Pick<OpenedUpload['source'], 'contentType'>; transform: string | undefined }
}

/** Returns the notification that the end of an upload makes owed. Undefined if no destination wants it, or there is no upload. */
export function notificationOfEnd(
  notifier: Pick<Notifier, 'create'> | undefined,
  type: NotificationType,
  record: StreamRecord,
  { event, upload, opened }: EndingUpload,
): NewNotification | undefined {
  if (!notifier || !event || !upload) return undefined
  const known = isUploadEvent(event) ? (event.detectedType ?? event.contentType) : opened?.source.contentType
  const mediaType = (known !== undefined && parseMediaType(known)?.essence) || 'application/octet-stream'
  return notifier.create({ upload, type, mediaType, transform: opened?.transform, record })
}
