import { processedKey } from '../../uploads/objects/keys.ts'
import type { RemoveObject } from '../../uploads/objects/remove-object.ts'
import type { OutputPlaces, RemoveOutputs } from '../../uploads/objects/remove-outputs.ts'
import { MAIN_OUTPUT, type ObjectRef, type ProcessingResult } from '../../uploads/records/record.ts'
import type { UploadKey, UploadStore } from '../../uploads/records/store.ts'
import { OutputsTakenError } from '../errors.ts'

export interface StaleOutputsSettings {
  store: Pick<UploadStore, 'get'>
  removeObject: RemoveObject
  removeOutputs: RemoveOutputs
  processedBucket: string
}

/**
 * Removes what earlier runs have made of an upload and the run that has just been recorded did not: by another transform, or to
 * another place. Doing it again changes nothing.
 *
 * @throws OutputsTakenError where another run was at it at the same time, and outputs that the record tells of may be gone
 */
export type RemoveStaleOutputs = (
  upload: UploadKey,
  source: ObjectRef,
  result: ProcessingResult,
  signal?: AbortSignal,
) => Promise<void>

export function createRemoveStaleOutputs(settings: StaleOutputsSettings): RemoveStaleOutputs {
  const { store, removeObject, removeOutputs, processedBucket } = settings

  return async (upload, source, result, signal) => {
    const own = placesOf(result)
    const { kept, removed } = await removeOutputs(source, upload.uploadId, [processedBucket], own, signal)
    const main = { bucket: processedBucket, key: processedKey(source.key) }
    if (own.items.has(MAIN_OUTPUT)) await removeObject(main, upload.uploadId)
    // A run that was recorded before this one has removed what it did not know of: of this one, it may be.
    if (!isWithin(own, kept)) throw new OutputsTakenError('Another run has removed outputs of this one.')
    if (removed.objects.size + removed.items.size === 0) return
    // A run that was recorded since has told of what it made, and some of that may be what was removed here.
    const record = await store.get(upload)
    const recorded = placesOf({ outputs: record?.outputs ?? [] })
    if (overlaps(recorded, removed)) throw new OutputsTakenError('Outputs of another run were removed by this one.')
  }
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
