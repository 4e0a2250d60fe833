import { DeleteObjectCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import type { ObjectRef } from '../records/record.ts'
import { isOwnKey } from './keys.ts'

/** Removes an upload's object. Resolves too if the object is gone or belongs to another upload. */
export type RemoveObject = (object: ObjectRef, uploadId: string) => Promise<void>

/**
 * An object whose key contains the upload's id belongs to the upload. With a flat key template another upload may have overwritten the
 * object, so its metadata is read first, and it is deleted only if it has not changed since.
 *
 * In a bucket with versioning a delete marker hides the object. Its versions stay for as long as the bucket keeps them.
 */
export function createRemoveObject(s3: S3Client): RemoveObject {
  /** Resolves to the object's ETag if the object belongs to the upload. */
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
