import type { Api } from './api.ts'
import { contentDigest, sha256Of } from './digest.ts'
import { CorruptUploadError } from './errors.ts'
import { type Bytes, openFile } from './file.ts'
import { uploadByGrant } from './grant.ts'
import { metadataHeader } from './metadata-header.ts'
import { PayloadTooLargeError } from './problems.ts'
import type { FileInput, Progress, UploadedFile, UploadLimits, UploadMethod, UploadOptions } from './types.ts'

/** A file above this size, in bytes, does not go through the api, so that an interrupted part is sent again and not the whole file. */
const MAX_RAW_BYTES = 8 * 1024 ** 2

/** A file that is ready to be sent. */
export interface Outgoing {
  blob: Bytes
  filename: string
  contentType: string
  metadata: Readonly<Record<string, string>> | undefined
  /** Lower-case hex. */
  sha256: string
  idempotencyKey: string
  signal: AbortSignal | undefined
  onProgress: ((progress: Progress) => void) | undefined
}

/** The response to an accepted upload. */
export type Stored = Omit<UploadedFile, 'sha256' | 'isReplay'> & {
  sha256?: string | undefined
  isReplay?: boolean | undefined
}

/** Uploads a file by the method that suits its size and the deployment, and verifies what was stored. */
export async function upload(
  api: Api,
  limitsOf: () => Promise<UploadLimits>,
  input: FileInput,
  options: UploadOptions,
): Promise<UploadedFile> {
  const { signal, onProgress, idempotencyKey = randomKey() } = options
  signal?.throwIfAborted()
  const { blob, name, close } = await openFile(input, { signal })
  try {
    const filename = options.filename ?? name
    if (filename === undefined) throw new TypeError('The file has no name. Set the option `filename`.')
    const limits = await limitsOf()
    if (blob.size > limits.maxFileBytes) throw tooLarge(blob.size, limits)
    const file: Outgoing = {
      blob,
      filename,
      contentType: options.contentType ?? (blob.type || 'application/octet-stream'),
      metadata: options.metadata,
      sha256: options.sha256 ?? (await sha256Of(blob, signal)),
      idempotencyKey,
      signal,
      onProgress,
    }
    const stored = await sendBy(options.method ?? chooseMethod(blob.size, limits), api, file, limits)
    // Missing if the api did not read a large file. Then a worker compares it with the announced digest before it is processed.
    if (stored.sha256 !== undefined && stored.sha256 !== file.sha256) {
      throw new CorruptUploadError(stored.uploadId, file.sha256, stored.sha256)
    }
    onProgress?.({ sentBytes: blob.size, totalBytes: blob.size })
    return toUploaded(stored, file.sha256)
  } finally {
    await close()
  }
}

/** Returns how to upload a file of a size. */
export function chooseMethod(size: number, { methods, maxBodyBytes }: UploadLimits): UploadMethod {
  const maxRawBytes = maxBodyBytes ?? Number.POSITIVE_INFINITY
  const has = (method: UploadMethod) => methods.includes(method)
  if (has('raw') && size <= Math.min(MAX_RAW_BYTES, maxRawBytes)) return 'raw'
  if (has('grant')) return 'grant'
  return has('tus') ? 'tus' : 'raw'
}

async function sendBy(method: UploadMethod, api: Api, file: Outgoing, limits: UploadLimits): Promise<Stored> {
  if (method === 'raw') return uploadRaw(api, file)
  if (method === 'grant') return uploadByGrant(api, file)
  const { uploadByTus } = await import('./tus.ts')
  return uploadByTus(api, file, limits.maxBodyBytes ?? file.blob.size)
}

/** Uploads a file in one request. The api rejects other bytes than those of the digest. */
async function uploadRaw(api: Api, file: Outgoing): Promise<Stored> {
  const { blob, filename, contentType, metadata, sha256, idempotencyKey, signal, onProgress } = file
  const pairs = metadataHeader(metadata)
  const response = await api.request(`/uploads?${new URLSearchParams({ filename })}`, {
    method: 'POST',
    headers: {
      'content-type': contentType,
      'content-digest': contentDigest(sha256),
      'idempotency-key': idempotencyKey,
      ...(pairs && { 'upload-metadata': pairs }),
    },
    body: blob,
    signal,
    onSent: sentBytes => onProgress?.({ sentBytes, totalBytes: blob.size }),
  })
  const stored = (await response.json()) as Stored
  return { ...stored, isReplay: response.headers.get('idempotent-replayed') === 'true' }
}

function toUploaded(stored: Stored, sha256: string): UploadedFile {
  const { uploadId, filename, contentType, detectedType, size, uploadedAt, status, s3, isReplay = false } = stored
  const detected = detectedType === undefined ? {} : { detectedType }
  return { uploadId, filename, contentType, ...detected, size, sha256, uploadedAt, status, s3, isReplay }
}

/** The same error as the api's, before any byte is sent. */
function tooLarge(size: number, { maxFileBytes }: UploadLimits): PayloadTooLargeError {
  return new PayloadTooLargeError({
    type: 'urn:headgate:problem:payload-too-large',
    title: 'The body is too large',
    status: 413,
    detail: `The file has ${size} bytes. The maximum is ${maxFileBytes} bytes.`,
  })
}

/** `crypto.randomUUID` exists only on pages that were loaded by HTTPS. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, '0')).join('')
}
