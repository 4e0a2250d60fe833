import type { Api } from './api.ts'
import { ProblemError, TusResponseError } from './errors.ts'
import { metadataHeader, toBase64 } from './metadata-header.ts'
import { isRetryable } from './problem-of.ts'
import { OffsetConflictError } from './problems.ts'
import { Retries } from './retry.ts'
import type { Upload } from './types.ts'
import type { Outgoing, Stored } from './upload.ts'

const VERSION = { 'tus-resumable': '1.0.0' }

/**
 * Uploads a file by tus 1.0 (https://tus.io) to the api. After a lost connection it asks how many bytes have arrived, and continues there.
 *
 * @param maxBodyBytes maximum size of the body of one request
 */
export async function uploadByTus(api: Api, file: Outgoing, maxBodyBytes: number): Promise<Stored> {
  const { blob, filename, contentType, sha256: announced, signal, onProgress } = file
  const names = `filename ${toBase64(filename)},filetype ${toBase64(contentType)},sha256 ${toBase64(announced)}`
  const metadata = [names, metadataHeader(file.metadata)].filter(Boolean).join(',')
  const headers = { ...VERSION, 'upload-length': String(blob.size), 'upload-metadata': metadata }
  const created = await api.request('/uploads/tus', { method: 'POST', headers, signal })
  const uploadId = created.headers.get('location')?.split('/').at(-1) ?? ''
  const path = `/uploads/tus/${uploadId}`
  const retries = new Retries(api.retryForMs, signal)
  let offset = 0
  while (offset < blob.size) {
    const from = offset
    try {
      const answer = await api.request(path, {
        method: 'PATCH',
        headers: { ...VERSION, 'upload-offset': String(from), 'content-type': 'application/offset+octet-stream' },
        body: blob.slice(from, from + maxBodyBytes, ''),
        signal,
        onSent: bytes => onProgress?.({ sentBytes: from + bytes, totalBytes: blob.size }),
        attempts: 'one',
      })
      offset = offsetIn(answer)
    } catch (error) {
      const mayContinue = error instanceof OffsetConflictError || (error instanceof Error && isRetryable(error))
      const retryAfter = error instanceof ProblemError ? error.retryAfter : undefined
      if (!mayContinue || !(await retries.next(retryAfter))) throw error
      offset = offsetIn(await api.request(path, { method: 'HEAD', headers: VERSION, signal }))
    }
    if (offset > from) retries.progress()
  }
  const { sha256, ...stored } = await api.json<Upload>(`/uploads/${uploadId}`, { signal })
  return { ...stored, ...(sha256 !== undefined && { sha256 }) }
}

function offsetIn(response: Response): number {
  const offset = response.headers.get('upload-offset') ?? ''
  if (/^\d+$/.test(offset)) return Number(offset)
  // A page of another origin sees no header that the api does not expose.
  throw new TusResponseError('The response has no valid Upload-Offset.')
}
