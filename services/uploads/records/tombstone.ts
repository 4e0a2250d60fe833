import { createHash } from 'node:crypto'
import type { DeletedUpload, ObjectRef, Output } from './record.ts'

/** The attributes of an item of the table. */
type Item = Record<string, unknown>

/**
 * How long a tombstone is kept, in days. Longer than the 365 days for which a stream can retain the upload's event.
 */
const REMEMBERED_DAYS = 400

export function isDeleted(item: Item): boolean {
  return item.status === 'deleted'
}

/** Reads the item of a deleted upload. It names the upload's objects until they are removed. */
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
 * Returns the item that stays of a deleted upload: its key, and a digest that identifies its event. It has no data of the owner, such
 * as the file name. `forgetAt` is the table's time to live, in epoch seconds.
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

/** Returns true if the deleted upload had this object. */
export function hadSource(item: Item, source: ObjectRef): boolean {
  if (item.sourceDigest !== undefined) return item.sourceDigest === digestOf(source)
  return item.bucket === source.bucket && item.key === source.key
}

function digestOf({ bucket, key }: ObjectRef): string {
  return createHash('sha256')
    .update(JSON.stringify([bucket, key]))
    .digest('hex')
}
