import { hash } from 'node:crypto'
import type { SinkReply } from './counts.ts'

/** Text without characters that JSON escapes. */
export const CONTENT = 'hello kinesis '.repeat(300).slice(0, 4_096)
const CHECKSUM = hash('sha256', CONTENT, 'base64')

/**
 * Returns the object of an upload as S3 does after the api put it: with its checksum and its owner.
 *
 * @param path the path of the request, such as `/bucket/uploads/owner/id/name`
 * @returns undefined if the path names no upload
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
