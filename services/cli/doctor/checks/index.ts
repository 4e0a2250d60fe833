import type { Check } from '../check.ts'
import { apiWithoutToken, apiWithToken } from './api.ts'
import { processedBucket, uploadBucket } from './buckets.ts'
import { clock } from './clock.ts'
import { leases } from './leases.ts'
import { mapping } from './mapping.ts'
import { putRecord } from './put-record.ts'
import { readUploads } from './read-uploads.ts'
import { stream } from './stream.ts'
import { leaseTable, uploadsTable } from './tables.ts'
import { token } from './token.ts'
import { tokenIssuer } from './token-issuer.ts'
import { writeProcessed, writeUploads } from './write-objects.ts'
import { writeRecords } from './write-records.ts'

/** All checks, in the order in which an upload passes what they check. */
export const checks: readonly Check[] = [
  clock,
  tokenIssuer,
  token,
  apiWithoutToken,
  apiWithToken,
  uploadBucket,
  writeUploads,
  uploadsTable,
  writeRecords,
  stream,
  putRecord,
  leaseTable,
  leases,
  mapping,
  readUploads,
  processedBucket,
  writeProcessed,
]
