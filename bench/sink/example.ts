import { hash } from 'node:crypto'
import { names } from '../../services/platform/resources.ts'
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

/**
 * Returns the record of an upload as DynamoDB has it before it is processed, with all attributes that the api writes.
 *
 * @param update the body of the UpdateItem
 */
export function exampleRecord(update: Buffer): Record<string, unknown> {
  const { Key } = JSON.parse(update.toString()) as { Key: { owner: { S: string }; uploadId: { S: string } } }
  const { owner, uploadId } = Key
  const text = (value: string) => ({ S: value })
  return {
    ...{ owner, uploadId },
    status: text('queued'),
    bucket: text(names.uploadBucket),
    key: text(`uploads/${owner.S}/${uploadId.S}/demo.txt`),
    filename: text('demo.txt'),
    contentType: text('text/plain'),
    size: { N: String(CONTENT.length) },
    sha256: text(hash('sha256', CONTENT)),
    uploadedAt: text('2026-11-23T10:00:00.000Z'),
    updatedAt: text('2026-11-23T10:00:00.000Z'),
    requestId: text('01a22f7f-716c-748a-85d4-c046b7d94313'),
  }
}
