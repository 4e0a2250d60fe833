import type { components } from './openapi.ts'

type Schemas = components['schemas']

/** An upload as its owner sees it. */
export type Upload = Schemas['Upload']

/** What the deployment accepts. */
export type UploadLimits = Schemas['UploadLimits']

/** Where the bytes of a file are. */
export type Download = Schemas['Download']

/** Presigned requests with which the bytes of a file go straight to S3. */
export type Grant = Schemas['Grant']

/** The status of an upload. */
export type UploadStatus = Upload['status']

/** An accepted upload. */
export interface UploadedFile
  extends Pick<
    Upload,
    'uploadId' | 'filename' | 'contentType' | 'detectedType' | 'size' | 'uploadedAt' | 'status' | 's3'
  > {
  /** Lower-case hex. It is the digest of the bytes that the client read. */
  sha256: string
  /** True if an earlier request with the same `idempotencyKey` had made this upload. It may have failed or been deleted since. */
  isReplay: boolean
}

/** How much of a file has been sent. */
export interface Progress {
  /** Bytes. After a retry the number may be smaller than before. */
  sentBytes: number
  /** Size of the file, in bytes. */
  totalBytes: number
}

/** How the bytes reach the deployment: in one request to the api, straight to S3, or in a resumable upload by tus. */
export type UploadMethod = 'raw' | 'grant' | 'tus'

/** A file: a Blob or File, bytes, in Node the path of a file, or a stream. A stream is buffered on disk first, because a retry reads it again. */
export type FileInput =
  | Blob
  | Uint8Array
  | ArrayBuffer
  | string
  | URL
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>

/** Options of `upload`. */
export interface UploadOptions {
  /**
   * The name of the file.
   *
   * @default the name of the `File` or of the path. Required for other inputs
   */
  filename?: string | undefined
  /**
   * The media type.
   *
   * @default the `type` of the Blob, or `application/octet-stream`, with which the api detects the type itself
   */
  contentType?: string | undefined
  /**
   * What you want to keep with the file, by names of your own: 1 to 64 lower-case letters, digits, `_` and `-`. At most 1,024 bytes of names
   * and percent-encoded values.
   *
   * @default none
   */
  metadata?: Readonly<Record<string, string>> | undefined
  /** Stops the upload. What has arrived of a large file is kept for a day, so that the same `idempotencyKey` continues it. */
  signal?: AbortSignal | undefined
  /** Called as bytes are sent. */
  onProgress?: ((progress: Progress) => void) | undefined
  /**
   * A key of 1 to 255 visible ASCII characters. A second upload of the same file with the same key within a day returns the first upload, or
   * continues it.
   *
   * @default a random key for each call
   */
  idempotencyKey?: string | undefined
  /**
   * The SHA-256 of the file in lower-case hex, if you know it. The upload fails if the file has another one.
   *
   * @default computed from the file
   */
  sha256?: string | undefined
  /**
   * How to upload.
   *
   * @default chosen by the size of the file and the limits of the deployment
   */
  method?: UploadMethod | undefined
}

/** Options of requests that only read or delete. */
export interface RequestOptions {
  /** Stops the request. */
  signal?: AbortSignal | undefined
}
