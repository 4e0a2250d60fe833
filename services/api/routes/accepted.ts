import type { UploadRecord } from '../../uploads/records/record.ts'

/** The response to an accepted upload. */
export interface Accepted {
  message: string
  s3: { bucket: string; key: string }
  uploadId: string
  filename: string
  filenameGenerated?: true
  contentType: string
  detectedType?: string
  metadata?: Readonly<Record<string, string>>
  size: number
  sha256?: string
  uploadedAt: string
  status: 'queued' | 'stored'
}

export function toAccepted(upload: UploadRecord): Accepted {
  const {
    bucket,
    key,
    uploadId,
    filename,
    filenameGenerated,
    contentType,
    detectedType,
    metadata,
    size,
    sha256,
    uploadedAt,
  } = upload
  const isQueued = upload.status !== 'stored'
  return {
    message: isQueued ? 'Uploaded and queued for processing' : 'Stored; it will be queued for processing',
    s3: { bucket, key },
    uploadId,
    filename,
    ...(filenameGenerated && { filenameGenerated }),
    contentType,
    ...(detectedType !== undefined && { detectedType }),
    ...(metadata && { metadata }),
    size,
    ...(sha256 !== undefined && { sha256 }),
    uploadedAt,
    status: isQueued ? 'queued' : 'stored',
  }
}

/** Returns the status of the response: 202 if the event of an upload is not on the stream yet. */
export function statusOf(uploads: readonly Accepted[]): 200 | 202 {
  return uploads.every(({ status }) => status === 'queued') ? 200 : 202
}
