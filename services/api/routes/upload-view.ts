import { createHash } from 'node:crypto'
import type { Static } from 'typebox'
import { isFinal, isPending, outputsOf, type PendingUpload, type UploadRecord } from '../../uploads/records/record.ts'
import { isUploadId } from '../../uploads/records/upload-id.ts'
import type { Sight } from '../watch/snapshot.ts'
import { uploadSchema } from './schemas.ts'
import { noSuchUpload } from './upload-id.ts'

/** An upload as its owner sees it. */
export type Upload = Static<typeof uploadSchema>

const shown = new Set(Object.keys(uploadSchema.properties))

/** What of a record its owner sees: what the schema names, and nothing that only the service uses. */
export function toUpload(record: UploadRecord | PendingUpload): Upload {
  const { bucket, key, outputs: _outputs, ...rest } = record
  const outputs = isPending(record) ? [] : outputsOf(record).map(({ isItem: _isItem, ...output }) => output)
  const made = outputs.length > 0 ? { outputs } : {}
  const entries = Object.entries({ ...rest, ...made, s3: { bucket, key } }).filter(([name]) => shown.has(name))
  return Object.fromEntries(entries) as Upload
}

/** An upload with the tag of its state, which changes with whatever of it is shown, and with nothing else. */
export function toSight(record: UploadRecord | PendingUpload): Sight<Upload> {
  const value = toUpload(record)
  const tag = createHash('sha256').update(canonical(value)).digest('base64url').slice(0, 22)
  return { tag, isFinal: isFinal(record.status), changedAt: Date.parse(record.updatedAt), value }
}

/**
 * The id in a path, where an upload could have it.
 *
 * @throws ProblemError
 */
export function uploadIdOf(id: string): string {
  if (isUploadId(id)) return id
  throw noSuchUpload()
}

/** JSON with its properties in order: DynamoDB gives a map's in any. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
