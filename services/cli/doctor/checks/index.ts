import type { Check } from '../check.ts'
import { apiWithToken } from './api-with-token.ts'
import { apiWithoutToken } from './api-without-token.ts'
import { clock } from './clock.ts'
import { leaseTable } from './lease-table.ts'
import { leases } from './leases.ts'
import { mapping } from './mapping.ts'
import { processedBucket } from './processed-bucket.ts'
import { putRecord } from './put-record.ts'
import { readUploads } from './read-uploads.ts'
import { stream } from './stream.ts'
import { token } from './token.ts'
import { tokenIssuer } from './token-issuer.ts'
import { uploadBucket } from './upload-bucket.ts'
import { uploadsTable } from './uploads-table.ts'
import { writeProcessed } from './write-processed.ts'
import { writeRecords } from './write-records.ts'
import { writeUploads } from './write-uploads.ts'

/** Every check, in the order of an upload's way. */
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
