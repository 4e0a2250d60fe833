import type { ScannerName, TransformIdentity, UploadFailure } from '../records/record.ts'

/** What notifications tell of. The version of their schema is `NOTIFICATION_VERSION`. */
export const notificationTypes = ['upload.processed', 'upload.failed', 'upload.quarantined'] as const

export type NotificationType = (typeof notificationTypes)[number]

/** Changes only when receivers must change: new properties do not count. */
export const NOTIFICATION_VERSION = '1'

/** What a receiver gets. */
export interface Notification {
  /** Stays the same when the notification is sent again. Begins with `msg_`. */
  id: string
  type: NotificationType
  /** ISO 8601, UTC: when the upload got its status. */
  timestamp: string
  data: NotificationData
}

/** The upload of a notification. */
export interface NotificationData {
  version: typeof NOTIFICATION_VERSION
  owner: string
  uploadId: string
  status: 'processed' | 'failed' | 'quarantined'
  filename: string
  contentType: string
  /** The type that the first bytes show, if they show one. */
  detectedType?: string
  /** What the client said about its file, by names of its own. */
  metadata?: Readonly<Record<string, string>>
  /** Bytes. */
  size: number
  /** Lower-case hex. Missing for an upload that failed before its digest was known. */
  sha256?: string
  /** ISO 8601, UTC. */
  uploadedAt: string
  bucket: string
  key: string
  /** Missing unless the upload is processed. */
  outputs?: NotifiedOutput[]
  /** Missing unless the upload is processed. */
  transform?: TransformIdentity
  /** Missing for a processed upload. */
  failure?: UploadFailure
  /** What the scan for malware found. Missing unless the upload is quarantined. */
  scan?: NotifiedScan
}

export interface NotifiedScan {
  scanner: ScannerName
  /** The name of the malware. */
  signature: string
}

export interface NotifiedOutput {
  /** `main`, or the name that the transform gave. */
  name: string
  contentType: string
  /** Bytes. */
  size: number
  /** Missing for an output that is an item of the table of uploads. */
  bucket?: string
  /** Missing for an output that is an item of the table of uploads. */
  key?: string
}
