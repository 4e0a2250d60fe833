import { randomUUID } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import { names } from '../../services/platform/resources.ts'
import { uploadKey } from '../../services/uploads/objects/keys.ts'
import type { UploadRecord } from '../../services/uploads/records/record.ts'

/** Returns the record of an upload as the api writes it, by default of a new owner. */
export function uploadRecord(changes: Partial<UploadRecord> = {}): UploadRecord {
  const { owner = randomUUID(), uploadId = uuidv7(), filename = 'a b.txt' } = changes
  const uploadedAt = changes.uploadedAt ?? '2026-11-01T12:00:00.000Z'
  return {
    owner,
    uploadId,
    status: 'stored',
    bucket: names.uploadBucket,
    key: uploadKey('uploads/{owner}/{uploadId}/{filename}', { owner, uploadId, filename }),
    filename,
    contentType: 'text/plain; charset=utf-8',
    size: 5,
    sha256: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
    uploadedAt,
    updatedAt: uploadedAt,
    requestId: randomUUID(),
    ...changes,
  }
}

/** Creates a generator of numbers from 0 to under 1 that are the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
