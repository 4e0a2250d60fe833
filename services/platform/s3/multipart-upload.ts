import { crc32 } from 'node:zlib'
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { getEndpointFromInstructions } from '@smithy/core/endpoints'
import { createFallBack } from '../direct/fall-back.ts'
import { createSendDirect, type DirectRequest } from '../direct/request.ts'
import { type NewObject, objectParams, objectPath } from './new-object.ts'

/** An S3 multipart upload. The object exists once `complete` resolves. */
export interface MultipartUpload {
  /** Puts a part. A second part with the same number replaces the first. Rejects when the signal fires. */
  put(number: number, bytes: Uint8Array, signal?: AbortSignal): Promise<void>
  complete(): Promise<void>
  /** Deletes the parts. Call it only when no `put` is in flight: a part that arrives later would stay in the bucket. */
  abort(): Promise<void>
}

export type BeginMultipartUpload = (object: NewObject) => Promise<MultipartUpload>

/** Creates multipart uploads. Each part is sent by a direct request, and by the SDK if the direct request fails. */
export function createBeginMultipartUpload(s3: S3Client, bucket: string): BeginMultipartUpload {
  const send = createSendDirect(s3.config, 's3', () =>
    getEndpointFromInstructions({ Bucket: bucket }, UploadPartCommand, s3.config),
  )
  const fallBack = createFallBack('S3')

  return async object => {
    const { key: Key } = object
    const params = { ...objectParams(bucket, object), ChecksumAlgorithm: 'CRC32' } as const
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand(params))
    if (UploadId === undefined) throw new TypeError('S3 created a multipart upload without an id.')
    const upload = { Bucket: bucket, Key, UploadId }
    const path = objectPath(Key)
    const parts: CompletedPart[] = []
    let size = 0

    /** Detects a completion whose response was lost: the SDK's retry then finds no upload, but the object is there. */
    async function isComplete(): Promise<boolean> {
      const head = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key })).catch(() => undefined)
      if (head?.ContentLength !== size) return false
      return Object.entries(object.metadata).every(([name, value]) => head.Metadata?.[name] === value)
    }

    return {
      async put(number, bytes, signal) {
        const ChecksumCRC32 = toBase64(crc32(bytes))
        const direct: DirectRequest = {
          method: 'PUT',
          path,
          query: { partNumber: String(number), uploadId: UploadId },
          headers: { 'x-amz-checksum-crc32': ChecksumCRC32 },
          body: bytes,
          // The signature covers the checksum of the body, so a digest of the body would add nothing.
          payloadHash: 'UNSIGNED-PAYLOAD',
          signal,
        }
        const part = { ...upload, PartNumber: number, Body: bytes, ChecksumCRC32 }
        const ETag = await fallBack(
          async () => (await send(direct))?.headers.etag,
          async () => (await s3.send(new UploadPartCommand(part), signal && { abortSignal: signal })).ETag,
        )
        parts[number - 1] = { PartNumber: number, ChecksumCRC32, ETag }
        size += bytes.byteLength
      },
      async complete() {
        try {
          await s3.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: parts } }))
        } catch (error) {
          if (!(await isComplete())) throw error
        }
      },
      async abort() {
        await s3.send(new AbortMultipartUploadCommand(upload))
      },
    }
  }
}

function toBase64(checksum: number): string {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(checksum)
  return bytes.toString('base64')
}
