import type { S3Client } from '@aws-sdk/client-s3'
import { listObjects } from '../../platform/s3/list-objects.ts'
import type { ObjectRef } from '../records/record.ts'
import { outputsPrefix } from './keys.ts'
import { createRemoveObject } from './remove-object.ts'
import type { ResultStore } from './result-store.ts'

/** Outputs of an upload beside the main one: the keys of objects, and the names of items, the main one's among them. */
export interface OutputPlaces {
  objects: ReadonlySet<string>
  items: ReadonlySet<string>
}

const NONE: OutputPlaces = { objects: new Set(), items: new Set() }

/**
 * Removes what was made of an upload's object beside the main one: its further outputs in these buckets, and its results. Looks
 * for them, since the record may not tell of all: whoever made them may have died before, and another transform than today's
 * may have made others. What is another upload's by now stays.
 *
 * @param keep what is left where it is
 * @param signal ends it between two objects
 * @returns what of that was seen, and what was removed
 */
export type RemoveOutputs = (
  source: ObjectRef,
  uploadId: string,
  buckets: readonly string[],
  keep?: OutputPlaces,
  signal?: AbortSignal,
) => Promise<{ kept: OutputPlaces; removed: OutputPlaces }>

export function createRemoveOutputs(s3: S3Client, results: Pick<ResultStore, 'removeAll'>): RemoveOutputs {
  const removeObject = createRemoveObject(s3)

  return async (source, uploadId, buckets, keep = NONE, signal) => {
    const [kept, removed] = [new Set<string>(), new Set<string>()]
    for (const bucket of buckets) {
      // Not what lies deeper: that is of an upload whose key goes on where this one ends.
      const further = { Bucket: bucket, Prefix: outputsPrefix(source.key), Delimiter: '/' }
      for await (const Contents of listObjects(s3, further, signal)) {
        for (const { Key: key = '' } of Contents) {
          signal?.throwIfAborted()
          if (keep.objects.has(key)) kept.add(key)
          else {
            await removeObject({ bucket, key }, uploadId)
            removed.add(key)
          }
        }
      }
    }
    const items = await results.removeAll(source, uploadId, keep.items, signal)
    return { kept: { objects: kept, items: items.kept }, removed: { objects: removed, items: items.removed } }
  }
}
