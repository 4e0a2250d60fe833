import { outputsOf, type ScanReport, type UploadRecord, type UploadStatus } from '../records/record.ts'
import {
  NOTIFICATION_VERSION,
  type Notification,
  type NotificationType,
  type NotifiedOutput,
  type NotifiedScan,
} from './notification.ts'
import type { OwedNotification } from './owed.ts'

const STATUSES = {
  'upload.processed': 'processed',
  'upload.failed': 'failed',
  'upload.quarantined': 'quarantined',
} as const satisfies Record<NotificationType, UploadStatus>

/** Builds what a receiver gets, from the record as it is now. So the outputs that it names exist. */
export function notificationOf(
  record: UploadRecord,
  { id, type, at, failure }: Pick<OwedNotification, 'id' | 'type' | 'at' | 'failure'>,
): Notification {
  const isProcessed = type === 'upload.processed'
  const { scan } = record
  return {
    id,
    type,
    timestamp: new Date(at).toISOString(),
    data: {
      version: NOTIFICATION_VERSION,
      owner: record.owner,
      uploadId: record.uploadId,
      status: STATUSES[type],
      filename: record.filename,
      contentType: record.contentType,
      ...(record.detectedType !== undefined && { detectedType: record.detectedType }),
      ...(record.metadata && { metadata: record.metadata }),
      size: record.size,
      ...(record.sha256 !== undefined && { sha256: record.sha256 }),
      uploadedAt: record.uploadedAt,
      bucket: record.bucket,
      key: record.key,
      ...(isProcessed && { outputs: notifiedOutputs(record) }),
      ...(isProcessed && record.transform && { transform: record.transform }),
      ...(failure && { failure }),
      ...(type === 'upload.quarantined' && scan?.signature !== undefined && { scan: scanOf(scan, scan.signature) }),
    },
  }
}

function notifiedOutputs(record: UploadRecord): NotifiedOutput[] {
  return outputsOf(record).map(({ name, contentType = 'application/octet-stream', size = 0, s3 }) => ({
    name,
    contentType,
    size,
    ...(s3 && { bucket: s3.bucket, key: s3.key }),
  }))
}

function scanOf({ scanner }: ScanReport, signature: string): NotifiedScan {
  return { scanner, signature }
}
