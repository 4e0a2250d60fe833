import { hash } from 'node:crypto'
import type { SinkReply } from './counts.ts'

/** Text, without a character that JSON would have to escape. */
export const CONTENT = 'hello kinesis '.repeat(300).slice(0, 4_096)
const CHECKSUM = hash('sha256', CONTENT, 'base64')

/**
 * The object of an upload as S3 gives it that has been put by the api: with its checksum, and with whose it is.
 *
 * @param path of the request, as `/bucket/uploads/owner/id/name`
 * @returns undefined where that names no upload
 */
export function exampleUpload(path: string): SinkReply | undefined {
  const [, owner, uploadId, filename] = /^\/[^/]+\/uploads\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(path) ?? []
  if (owner === undefined || uploadId === undefined || filename === undefined) return undefined
  const headers = {
    'content-type': 'text/plain',
    etag: '"0123456789abcdef0123456789abcdef"',
    'last-modified': 'Mon, 23 Nov 2026 10:00:00 GMT',
    'accept-ranges': 'bytes',
    'x-amz-checksum-sha256': CHECKSUM,
    'x-amz-checksum-type': 'FULL_OBJECT',
    'x-amz-meta-owner': owner,
    'x-amz-meta-upload-id': uploadId,
    'x-amz-meta-filename': filename,
  }
  return { status: 200, headers, body: CONTENT }
}
