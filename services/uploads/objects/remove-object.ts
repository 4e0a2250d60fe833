import { DeleteObjectCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import type { ObjectRef } from '../records/record.ts'
import { isOwnKey } from './keys.ts'

/** Removes an upload's object. Resolves as well where it is gone, or is another upload's by now. */
export type RemoveObject = (object: ObjectRef, uploadId: string) => Promise<void>

/**
 * Where a key has the upload's id in it, what lies there is the upload's. Under a flat template another upload may have
 * overwritten it, so that it is looked at first, and deleted only as what was seen.
 *
 * In a bucket with versioning the object is hidden by a delete marker. Its versions stay for as long as the bucket keeps them.
 */
export function createRemoveObject(s3: S3Client): RemoveObject {
  /** The ETag of the object where it is this upload's. */
  async function find(object: { Bucket: string; Key: string }, uploadId: string): Promise<string | undefined> {
    try {
      const { Metadata, ETag } = await s3.send(new HeadObjectCommand(object))
      return Metadata?.['upload-id'] === uploadId ? ETag : undefined
    } catch (error) {
      if (isNamed(error, 'NotFound', 'NoSuchKey')) return undefined
      throw error
    }
  }

  return async ({ bucket, key }, uploadId) => {
    const object = { Bucket: bucket, Key: key }
    if (isOwnKey({ key, uploadId })) {
      await s3.send(new DeleteObjectCommand(object))
      return
    }
    const IfMatch = await find(object, uploadId)
    if (IfMatch === undefined) return
    try {
      await s3.send(new DeleteObjectCommand({ ...object, IfMatch }))
    } catch (error) {
      if (!isNamed(error, 'PreconditionFailed', 'NoSuchKey')) throw error
    }
  }
}

function isNamed(error: unknown, ...names: string[]): boolean {
  return error instanceof Error && names.includes(error.name)
}
