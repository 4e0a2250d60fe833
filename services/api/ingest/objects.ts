import { Readable } from 'node:stream'
import { DeleteObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { createPutWhole, type PutWhole, type WholeObject } from './put-whole.ts'

/** A file's bytes: in memory whole, or as they come. */
export type Body = Uint8Array | AsyncIterable<Uint8Array>

export interface NewObject extends Omit<WholeObject, 'body' | 'sha256'> {
  body: AsyncIterable<Uint8Array>
}

/** Where uploads are put. */
export interface Objects {
  readonly bucket: string
  /** Writes an object that is in memory whole. */
  readonly putWhole: PutWhole
  /**
   * Writes an object as it comes, whole or not at all: when the body fails half way, its error is thrown and no part stays
   * behind. The body is never held whole: two parts are on their way while a third fills. Its size has nothing to do with
   * that.
   */
  put(object: NewObject): Promise<void>
  delete(key: string): Promise<void>
}

/**
 * Larger parts hold more memory, smaller ones cost more time. S3 takes 10,000 parts for an object, and MAX_UPLOAD_BYTES is
 * bounded by what so many of these hold.
 */
const PART_BYTES = 8 * 1024 ** 2

export function createObjects({ s3, bucket }: { s3: S3Client; bucket: string }): Objects {
  return {
    bucket,
    putWhole: createPutWhole(s3, bucket),
    async put({ key, body, contentType, metadata }) {
      const params = { Bucket: bucket, Key: key, ContentType: contentType, Metadata: { ...metadata } }
      // Its own abort is not used: that one answers before the parts are gone. An error of the body ends it as well, and
      // only once the multipart upload is aborted.
      const upload = new Upload({
        client: s3,
        params: { ...params, Body: Readable.from(body, { objectMode: false }) },
        partSize: PART_BYTES,
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
