import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { heedDeadlinesOf } from '../../platform/heed-deadlines.ts'
import { guardObjectBodies } from '../../platform/response-bodies.ts'
import { toObjectMetadata } from '../../uploads/objects/metadata.ts'
import { tailKey } from '../../uploads/pending/pending.ts'
import type { TusRecord } from '../../uploads/pending/tus-store.ts'
import { isMissing } from '../pending/arrived-object.ts'
import { UploadGoneError } from './errors.ts'

/** Where the bytes of an upload go until they are an object. Rejects with UploadGoneError where what it goes on from is gone. */
export interface S3Parts {
  start(record: TusRecord): Promise<string>
  /** Resolves to the part's ETag. The same part may be sent again: only the one whose ETag is kept counts. */
  put(record: TusRecord, multipartId: string, partNumber: number, bytes: Uint8Array): Promise<string>
  /** Makes the object, where that is not done yet. @throws UploadGoneError where it cannot be made any more */
  complete(record: TusRecord): Promise<void>
  putWhole(record: TusRecord, bytes: Uint8Array): Promise<void>
  /** Keeps bytes that fill no part, for the next request. Resolves to their key. */
  putTail(record: TusRecord, offset: number, bytes: Uint8Array): Promise<string>
  getTail(record: TusRecord): Promise<AsyncIterable<Uint8Array>>
  deleteTail(record: TusRecord, key: string): Promise<void>
}

function goneIfMissing(cause: unknown): never {
  if (!isMissing(cause)) throw cause
  throw new UploadGoneError('What had arrived of the upload is no longer there. Begin anew.', { cause })
}

/** What S3 says where the parts are not what was written down: nothing can be made of them. */
const SPOILT = new Set(['InvalidPart', 'InvalidPartOrder', 'EntityTooSmall'])

export function createS3Parts(client: S3Client): S3Parts {
  const s3 = withUnsignedBodies(client)
  const objectOf = ({ bucket, key }: TusRecord) => ({ Bucket: bucket, Key: key })
  const describe = (record: TusRecord) => ({ ContentType: record.contentType, Metadata: toObjectMetadata(record) })

  return {
    async start(record) {
      const command = new CreateMultipartUploadCommand({ ...objectOf(record), ...describe(record) })
      const { UploadId } = await s3.send(command)
      if (UploadId === undefined) throw new TypeError('S3 gave the multipart upload no id.')
      return UploadId
    },

    async put(record, UploadId, PartNumber, Body) {
      const command = new UploadPartCommand({ ...objectOf(record), UploadId, PartNumber, Body })
      const { ETag } = await s3.send(command).catch(goneIfMissing)
      if (ETag === undefined) throw new TypeError('S3 gave the part no ETag.')
      return ETag
    },

    async complete(record) {
      const { multipartId: UploadId, etags } = record.arrival
      const Parts = etags.map((ETag, index) => ({ PartNumber: index + 1, ETag }))
      const command = new CompleteMultipartUploadCommand({ ...objectOf(record), UploadId, MultipartUpload: { Parts } })
      try {
        await s3.send(command)
      } catch (error) {
        if (error instanceof Error && SPOILT.has(error.name)) {
          throw new UploadGoneError('S3 has lost parts of the file. Begin anew.', { cause: error })
        }
        // Completed by an earlier try, or aborted: the look at the object tells.
        if (!isMissing(error)) throw error
      }
    },

    async putWhole(record, Body) {
      await s3.send(new PutObjectCommand({ ...objectOf(record), ...describe(record), Body }))
    },

    async putTail(record, offset, Body) {
      const key = tailKey(record, offset)
      await s3.send(new PutObjectCommand({ Bucket: record.bucket, Key: key, Body }))
      return key
    },

    async getTail({ bucket, arrival }) {
      const command = new GetObjectCommand({ Bucket: bucket, Key: arrival.tail?.key })
      const { Body } = await s3.send(command).catch(goneIfMissing)
      if (!Body) throw new TypeError('The S3 client gave no body for the object.')
      return Body as AsyncIterable<Uint8Array>
    },

    async deleteTail({ bucket }, key) {
      await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))
    },
  }
}

/**
 * The same S3, on the same connections. The SDK would compute the SHA-256 of every part to sign it, a tenth of what an upload
 * costs; what arrives is held to its CRC-32, which the SDK sends, and on its way it is in TLS.
 */
function withUnsignedBodies({ config }: S3Client): S3Client {
  const s3 = new S3Client({
    region: config.region,
    credentials: config.credentials,
    ...(config.endpoint && { endpoint: config.endpoint }),
    forcePathStyle: config.forcePathStyle,
    requestHandler: config.requestHandler,
  })
  guardObjectBodies(s3)
  heedDeadlinesOf(s3)
  s3.middlewareStack.add(
    next => args => {
      const { request } = args as { request?: { headers?: Record<string, string> } }
      if (request?.headers) request.headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD'
      return next(args)
    },
    { name: 'unsignedBody', step: 'build', priority: 'low' },
  )
  return s3
}
