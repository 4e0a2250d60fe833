import type { S3Client } from '@aws-sdk/client-s3'
import type { PartBuffers } from '../../platform/s3/part-buffers.ts'
import { createPutStream, type PutStream } from '../../platform/s3/put-stream.ts'
import { createPutWhole, type PutWhole } from '../../platform/s3/put-whole.ts'
import { createRemoveObject } from '../../uploads/objects/remove-object.ts'

/** A file's bytes: in memory whole, or as they come. */
export type Body = Uint8Array | AsyncIterable<Uint8Array>

/** Where uploads are put. */
export interface Objects {
  readonly bucket: string
  /** Writes an object that is in memory whole. */
  readonly putWhole: PutWhole
  /** Writes an object as it comes, whole or not at all. */
  readonly putStream: PutStream
  /** Removes an upload's object. Leaves an object that another upload has put under the same key. */
  remove(upload: { key: string; uploadId: string }): Promise<void>
}

export interface ObjectsSettings {
  s3: S3Client
  bucket: string
  buffers: PartBuffers
  /** Told of parts that could not be taken back. */
  onLeftover(error: unknown, key: string): void
}

export function createObjects({ s3, bucket, buffers, onLeftover }: ObjectsSettings): Objects {
  const removeObject = createRemoveObject(s3)
  return {
    bucket,
    putWhole: createPutWhole(s3, bucket),
    putStream: createPutStream({ s3, bucket, buffers, onLeftover }),
    remove: ({ key, uploadId }) => removeObject({ bucket, key }, uploadId),
  }
}
