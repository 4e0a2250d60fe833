import type { S3Client } from '@aws-sdk/client-s3'
import { listObjects } from '../../platform/s3/list-objects.ts'
import type { ObjectRef } from '../records/record.ts'
import { outputsPrefix } from './keys.ts'
import { createRemoveObject } from './remove-object.ts'
import type { ResultStore } from './result-store.ts'

/** Places of outputs: the keys of objects other than the main output, and the names of items. */
export interface OutputPlaces {
  objects: ReadonlySet<string>
  items: ReadonlySet<string>
}

const NONE: OutputPlaces = { objects: new Set(), items: new Set() }

/**
 * Removes the outputs of an upload, except the object of the main output: objects in these buckets, and items. Lists them, because the
 * record may not name all: a worker may have died before it recorded its outputs, or an earlier transform may have written others.
 * Outputs of other uploads stay.
 *
 * @param keep places that are not removed
 * @param signal checked before each removal
 * @returns the places that were kept, and those that were removed
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
      // Keys with a further slash belong to an upload whose key continues where this one ends.
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
