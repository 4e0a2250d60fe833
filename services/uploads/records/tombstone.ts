import { createHash } from 'node:crypto'
import type { DeletedUpload, ObjectRef, Output } from './record.ts'

/** An item of the table, as its attributes are. */
type Item = Record<string, unknown>

/**
 * How long it is remembered that an upload was deleted, in days: longer than a stream can keep the upload's event, which is 365.
 * An event that comes later would be one of an upload that nobody knows.
 */
const REMEMBERED_DAYS = 400

export function isDeleted(item: Item): boolean {
  return item.status === 'deleted'
}

/** A deleted upload's item, as what stays of the upload. Its objects are named in it until they are gone. */
export function deletedFrom(item: Item): DeletedUpload {
  const {
    owner,
    uploadId,
    bucket,
    key,
    processed,
    outputs = [],
  } = item as unknown as {
    owner: string
    uploadId: string
    bucket?: string
    key?: string
    processed?: ObjectRef
    outputs?: Output[]
  }
  const source = bucket !== undefined && key !== undefined ? [{ bucket, key }] : []
  const further = outputs.flatMap(({ s3 }) => (s3 ? [s3] : []))
  return { owner, uploadId, status: 'deleted', objects: [...source, ...(processed ? [processed] : []), ...further] }
}

/**
 * What is kept of an upload once its objects are gone: that it was deleted, and a digest by which its event is known. Nothing
 * that its owner put in, the file's name neither. `forgetAt` is the table's time to live, in epoch seconds.
 */
export function tombstone({ owner, uploadId, objects }: DeletedUpload, now: Date): Item {
  const [source] = objects
  return {
    owner,
    uploadId,
    status: 'deleted',
    updatedAt: now.toISOString(),
    forgetAt: Math.floor(now.getTime() / 1_000) + REMEMBERED_DAYS * 86_400,
    ...(source && { sourceDigest: digestOf(source) }),
  }
}

/** Whether a deleted upload's item is that of an upload with this object, before and after the object is gone. */
export function hadSource(item: Item, source: ObjectRef): boolean {
  if (item.sourceDigest !== undefined) return item.sourceDigest === digestOf(source)
  return item.bucket === source.bucket && item.key === source.key
}

function digestOf({ bucket, key }: ObjectRef): string {
  return createHash('sha256')
    .update(JSON.stringify([bucket, key]))
    .digest('hex')
}
