import { createHash } from 'node:crypto'
import type { Static } from 'typebox'
import { isFinal, isPending, outputsOf, type PendingUpload, type UploadRecord } from '../../uploads/records/record.ts'
import type { Snapshot } from '../watch/watch.ts'
import { uploadSchema } from './schemas.ts'

/** An upload as its owner sees it. */
export type Upload = Static<typeof uploadSchema>

const shown = new Set(Object.keys(uploadSchema.properties))

/** Returns what the owner sees of a record: the properties of the schema, without the internal ones. */
export function toUpload(record: UploadRecord | PendingUpload): Upload {
  const { bucket, key, outputs: _outputs, ...rest } = record
  const outputs = isPending(record) ? [] : outputsOf(record).map(({ isItem: _isItem, ...output }) => output)
  const all = { ...rest, ...(outputs.length > 0 && { outputs }), s3: { bucket, key } }
  const entries = Object.entries(all).filter(([name]) => shown.has(name))
  return Object.fromEntries(entries) as Upload
}

/** Returns what the owner sees, with a tag that changes exactly when something of it changes. */
export function toSnapshot(record: UploadRecord | PendingUpload): Snapshot<Upload> {
  const value = toUpload(record)
  const tag = createHash('sha256').update(canonical(value)).digest('base64url').slice(0, 22)
  return { tag, isFinal: isFinal(record.status), changedAt: Date.parse(record.updatedAt), value }
}

/** Returns JSON with sorted properties, because DynamoDB returns the properties of a map in any order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
