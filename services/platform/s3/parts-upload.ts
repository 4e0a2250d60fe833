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
import { createSendDirect } from '../direct/request.ts'
import { type NewObject, objectParams } from './new-object.ts'
import { escapeKey } from './object-key.ts'

/** An object that is made of parts. It is there once `complete` resolves, and not before. */
export interface PartsUpload {
  /** Puts a part. Again under the same number, it replaces the one before. Rejects when the signal fires. */
  put(number: number, bytes: Uint8Array, signal?: AbortSignal): Promise<void>
  complete(): Promise<void>
  /** To be called once no `put` is under way: a part that arrives later would stay. */
  abort(): Promise<void>
}

interface PartMore {
  checksum: string
  signal: AbortSignal | undefined
}

export type BeginParts = (object: NewObject) => Promise<PartsUpload>

/** Multipart uploads, their parts sent directly where S3 takes them so, and the SDK's way where not. */
export function createBeginParts(s3: S3Client, bucket: string): BeginParts {
  const send = createSendDirect(s3.config, 's3', () =>
    getEndpointFromInstructions({ Bucket: bucket }, UploadPartCommand, s3.config),
  )

  /** Gives the part's ETag, if S3 took it. */
  async function sendPart(key: string, query: Record<string, string>, body: Uint8Array, more: PartMore) {
    const { checksum, signal } = more
    const path = `/${escapeKey(key)}`
    const headers = { 'x-amz-checksum-crc32': checksum }
    // The checksum is signed, and it is of the body: a digest of it besides would tell nothing more.
    const whole = { method: 'PUT', path, query, headers, body, payloadHash: 'UNSIGNED-PAYLOAD' } as const
    const request = { ...whole, ...(signal && { signal }) }
    const reply = await send(request).catch(() => undefined)
    return reply?.headers.etag
  }

  return async object => {
    const { key: Key } = object
    const params = { ...objectParams(bucket, object), ChecksumAlgorithm: 'CRC32' } as const
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand(params))
    if (UploadId === undefined) throw new TypeError('S3 began a multipart upload without an id.')
    const upload = { Bucket: bucket, Key, UploadId }
    const parts: CompletedPart[] = []
    let size = 0

    /** A completion whose reply was lost is one that finds no upload when it is tried again. */
    async function isComplete(): Promise<boolean> {
      const head = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key })).catch(() => undefined)
      if (head?.ContentLength !== size) return false
      return Object.entries(object.metadata).every(([name, value]) => head.Metadata?.[name] === value)
    }

    return {
      async put(number, bytes, signal) {
        const ChecksumCRC32 = toBase64(crc32(bytes))
        const query = { partNumber: String(number), uploadId: UploadId }
        let ETag = await sendPart(Key, query, bytes, { checksum: ChecksumCRC32, signal })
        if (ETag === undefined) {
          const part = { ...upload, PartNumber: number, Body: bytes, ChecksumCRC32 }
          ETag = (await s3.send(new UploadPartCommand(part), signal && { abortSignal: signal })).ETag
        }
        parts[number - 1] = { PartNumber: number, ChecksumCRC32, ...(ETag !== undefined && { ETag }) }
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
