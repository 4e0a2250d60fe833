import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { enforceClientDeadlines } from '../../platform/request-deadlines.ts'
import { guardObjectBodies } from '../../platform/response-bodies.ts'
import { toObjectMetadata } from '../../uploads/objects/metadata.ts'
import { tailKey } from '../../uploads/pending/pending.ts'
import type { TusRecord } from '../../uploads/pending/tus-store.ts'
import { isMissing } from '../pending/verify-object.ts'
import { UploadGoneError } from './errors.ts'

/** Stores the bytes of an upload in S3 until they are one object. @throws UploadGoneError if earlier bytes are no longer stored */
export interface S3Parts {
  start(record: TusRecord): Promise<string>
  /** Resolves to the part's ETag. A part may be sent again: only the part whose ETag is recorded counts. */
  put(record: TusRecord, multipartId: string, partNumber: number, bytes: Uint8Array): Promise<string>
  /** Makes the object from its parts, unless that is done already. @throws UploadGoneError if parts are missing */
  complete(record: TusRecord): Promise<void>
  putWhole(record: TusRecord, bytes: Uint8Array): Promise<void>
  /** Stores bytes that do not fill a part, for the next request. Resolves to the key of their object. */
  putTail(record: TusRecord, offset: number, bytes: Uint8Array): Promise<string>
  getTail(record: TusRecord): Promise<AsyncIterable<Uint8Array>>
  deleteTail(record: TusRecord, key: string): Promise<void>
}

function goneIfMissing(cause: unknown): never {
  if (!isMissing(cause)) throw cause
  throw new UploadGoneError('The bytes that had arrived are no longer stored. Start the upload again.', { cause })
}

/** The errors of S3 if the parts differ from the recorded ones. No object can be made from them. */
const INVALID_PARTS = new Set(['InvalidPart', 'InvalidPartOrder', 'EntityTooSmall'])

export function createS3Parts(client: S3Client): S3Parts {
  const s3 = withUnsignedBodies(client)
  const objectOf = ({ bucket, key }: TusRecord) => ({ Bucket: bucket, Key: key })
  const describe = (record: TusRecord) => ({ ContentType: record.contentType, Metadata: toObjectMetadata(record) })

  return {
    async start(record) {
      const command = new CreateMultipartUploadCommand({ ...objectOf(record), ...describe(record) })
      const { UploadId } = await s3.send(command)
      if (UploadId === undefined) throw new TypeError('S3 returned no id for the multipart upload.')
      return UploadId
    },

    async put(record, UploadId, PartNumber, Body) {
      const command = new UploadPartCommand({ ...objectOf(record), UploadId, PartNumber, Body })
      const { ETag } = await s3.send(command).catch(goneIfMissing)
      if (ETag === undefined) throw new TypeError('S3 returned no ETag for the part.')
      return ETag
    },

    async complete(record) {
      const { multipartId: UploadId, etags } = record.arrival
      const Parts = etags.map((ETag, index) => ({ PartNumber: index + 1, ETag }))
      const command = new CompleteMultipartUploadCommand({ ...objectOf(record), UploadId, MultipartUpload: { Parts } })
      try {
        await s3.send(command)
      } catch (error) {
        if (error instanceof Error && INVALID_PARTS.has(error.name)) {
          throw new UploadGoneError('S3 has lost parts of the file. Start the upload again.', { cause: error })
        }
        // An earlier request has completed or aborted it. The check of the object shows which.
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
      if (!Body) throw new TypeError('The S3 client returned no body for the object.')
      return Body as AsyncIterable<Uint8Array>
    },

    async deleteTail({ bucket }, key) {
      await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))
    },
  }
}

/**
 * Returns a client of the same S3, on the same connections, that does not sign bodies. The SDK would compute the SHA-256 of every part
 * to sign it, a tenth of the cost of an upload. S3 still verifies the CRC-32 that the SDK sends, and TLS protects the connection.
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
  enforceClientDeadlines(s3)
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
