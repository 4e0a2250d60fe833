import { paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3'
import { outputsPrefix } from './keys.ts'
import type { ObjectRef } from './record.ts'
import { createRemoveObject } from './remove-object.ts'
import type { ResultStore } from './results.ts'

/**
 * Removes what was made of an upload's object beside the main one: its further outputs in these buckets, and its results. Looks
 * for them, since the record may not tell of all: whoever made them may have died before, and another transform than today's
 * may have made others. What is another upload's by now stays.
 */
export type RemoveOutputs = (source: ObjectRef, uploadId: string, buckets: readonly string[]) => Promise<void>

export function createRemoveOutputs(s3: S3Client, results: Pick<ResultStore, 'removeAll'>): RemoveOutputs {
  const removeObject = createRemoveObject(s3)

  return async (source, uploadId, buckets) => {
    for (const bucket of buckets) {
      // Not what lies deeper: that is of an upload whose key goes on where this one ends.
      const further = { Bucket: bucket, Prefix: outputsPrefix(source.key), Delimiter: '/' }
      for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, further)) {
        for (const { Key: key = '' } of Contents) await removeObject({ bucket, key }, uploadId)
      }
    }
    await results.removeAll(source, uploadId)
  }
}
