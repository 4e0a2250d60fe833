import { Readable } from 'node:stream'
import { DeleteObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'

/** A file's bytes: in memory whole, or as they come. */
export type Body = Uint8Array | AsyncIterable<Uint8Array>

export interface NewObject {
  key: string
  body: Body
  /** No more bytes than this will come. */
  maxBytes: number
  contentType: string
  metadata: Record<string, string>
}

/** Where uploads are put. */
export interface Objects {
  readonly bucket: string
  /**
   * Writes an object, whole or not at all: when the body fails half way, its error is thrown and no part stays behind. The
   * body is never held whole: two parts are on their way while a third fills.
   */
  put(object: NewObject): Promise<void>
  delete(key: string): Promise<void>
}

const MIB = 1024 ** 2
/** Larger parts hold more memory, smaller ones cost more time. */
const PART_BYTES = 8 * MIB
/** S3's limit: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const MAX_PARTS = 10_000

/** The size of the parts in which a file that may be this large fits into an object. */
export function partSizeFor(maxBytes: number): number {
  return Math.max(PART_BYTES, Math.ceil(maxBytes / MAX_PARTS / MIB) * MIB)
}

export function createObjects({ s3, bucket }: { s3: S3Client; bucket: string }): Objects {
  return {
    bucket,
    async put({ key, body, maxBytes, contentType, metadata }) {
      const params = { Bucket: bucket, Key: key, ContentType: contentType, Metadata: metadata }
      if (body instanceof Uint8Array) {
        await s3.send(new PutObjectCommand({ ...params, Body: body }))
        return
      }
      // Its own abort is not used: that one answers before the parts are gone. An error of the body ends it as well, and
      // only once the multipart upload is aborted.
      const upload = new Upload({
        client: s3,
        params: { ...params, Body: Readable.from(body, { objectMode: false }) },
        partSize: partSizeFor(maxBytes),
        queueSize: 2,
        leavePartsOnError: false,
      })
      await upload.done()
    },
    async delete(key) {
      await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))
    },
  }
}
