import { Type } from 'typebox'
import { workerConfigSchema } from '../../../platform/config/worker.ts'
import type { QuarantineStore } from '../../../uploads/records/quarantine-store.ts'
import type { UploadRecord } from '../../../uploads/records/record.ts'
import { isUploadId } from '../../../uploads/records/upload-id.ts'
import { NothingFoundError, UsageError } from '../../errors.ts'

/** The variables that all commands for the quarantine read. */
export const quarantineConfig = Type.Pick(workerConfigSchema, ['AWS_REGION', 'UPLOADS_TABLE'])

/** An upload in quarantine, as the commands show it. */
export interface QuarantinedUpload {
  uploadId: string
  owner: string
  filename: string
  size: number
  signature: string
  scanner: string
  /** ISO 8601: when the scanner found it. */
  at: string
  bucket: string
  key: string
}

export function rowOf({
  uploadId,
  owner,
  filename,
  size,
  scan,
  updatedAt,
  bucket,
  key,
}: UploadRecord): QuarantinedUpload {
  const { signature = 'unknown', scanner = 'clamd', at = updatedAt } = scan ?? {}
  return { uploadId, owner, filename, size, signature, scanner, at, bucket, key }
}

/**
 * Returns the quarantined uploads with these ids. The list has the owners, which an operator does not know.
 *
 * @throws UsageError for a text that is no id, NothingFoundError if an upload is not quarantined
 */
export async function findQuarantined(
  quarantine: Pick<QuarantineStore, 'list'>,
  ids: readonly string[],
): Promise<QuarantinedUpload[]> {
  if (ids.length === 0) throw new UsageError('Give the ids of uploads. See headgate quarantine list.')
  for (const id of ids) if (!isUploadId(id)) throw new UsageError(`'${id}' is not the id of an upload.`)
  const missing = new Set(ids)
  const found: QuarantinedUpload[] = []
  for await (const upload of quarantine.list()) if (missing.delete(upload.uploadId)) found.push(rowOf(upload))
  if (missing.size > 0) throw new NothingFoundError(`Not in quarantine: ${[...missing].join(', ')}.`)
  return found
}
