import { processedKey } from '../../uploads/objects/keys.ts'
import type { RemoveObject } from '../../uploads/objects/remove-object.ts'
import type { OutputPlaces, RemoveOutputs } from '../../uploads/objects/remove-outputs.ts'
import { MAIN_OUTPUT } from '../../uploads/records/output-names.ts'
import type { ObjectRef, ProcessingResult } from '../../uploads/records/record.ts'
import type { UploadKey, UploadStore } from '../../uploads/records/store.ts'
import { OutputsTakenError } from '../errors.ts'

export interface StaleOutputsDeps {
  store: Pick<UploadStore, 'get'>
  removeObject: RemoveObject
  removeOutputs: RemoveOutputs
  processedBucket: string
}

/**
 * Removes outputs of earlier runs that the run just recorded did not write: another transform wrote them, or wrote them to another
 * place. To do it again changes nothing.
 *
 * @throws OutputsTakenError if another run did the same at the same time, and recorded outputs may be gone
 */
export async function removeStaleOutputs(
  { store, removeObject, removeOutputs, processedBucket }: StaleOutputsDeps,
  upload: UploadKey,
  source: ObjectRef,
  result: ProcessingResult,
  signal?: AbortSignal,
): Promise<void> {
  const own = placesOf(result)
  const { kept, removed } = await removeOutputs(source, upload.uploadId, [processedBucket], own, signal)
  const main = { bucket: processedBucket, key: processedKey(source.key) }
  if (own.items.has(MAIN_OUTPUT)) await removeObject(main, upload.uploadId)
  // A run that was recorded before this one has removed what it did not know. That may include outputs of this run.
  if (!isWithin(own, kept)) throw new OutputsTakenError('Another run has removed outputs of this run.')
  if (removed.objects.size + removed.items.size === 0) return
  // A run that was recorded after this one may have written some of what was removed here.
  const record = await store.get(upload)
  const recorded = placesOf({ outputs: record?.outputs ?? [] })
  if (overlaps(recorded, removed)) throw new OutputsTakenError('This run has removed outputs of another run.')
}

function placesOf({ outputs }: Pick<ProcessingResult, 'outputs'>): OutputPlaces {
  return {
    objects: new Set(outputs.flatMap(({ s3 }) => (s3 ? [s3.key] : []))),
    items: new Set(outputs.flatMap(({ name, isItem }) => (isItem ? [name] : []))),
  }
}

function isWithin(inner: OutputPlaces, outer: OutputPlaces): boolean {
  return (
    [...inner.objects].every(key => outer.objects.has(key)) && [...inner.items].every(name => outer.items.has(name))
  )
}

function overlaps(one: OutputPlaces, other: OutputPlaces): boolean {
  return [...one.objects].some(key => other.objects.has(key)) || [...one.items].some(name => other.items.has(name))
}
