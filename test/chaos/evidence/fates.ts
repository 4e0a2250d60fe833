import { processedKey } from '../../../services/uploads/objects/keys.ts'
import type { Found } from './found.ts'
import type { FoundRecord } from './inventory.ts'
import type { LedgerFile } from './ledger.ts'

/** The states that an upload may have besides that of its content. */
export interface Expected {
  mayBeDeleted: boolean
  mustBeDeleted: boolean
  /** The upload was started by a grant or by tus, and never completed. */
  mayBePending: boolean
  /**
   * The upload was recorded as queued by a process that died before it published the event, and no client received a
   * success.
   */
  mayBeUnpublished: boolean
}

/** Checks a record and its objects against the file and the allowed states. */
export function brokenFates(record: FoundRecord, file: LedgerFile, expected: Expected, found: Found): string[] {
  const { uploadId, status } = record
  const named = `${file.filename} (${uploadId})`
  if (expected.mustBeDeleted) return [`${named} was deleted and is there, as ${status}`]
  switch (status) {
    case 'processed':
    case 'failed':
      return [
        ...unfinished(record, named),
        ...badSource(record, file, named, found),
        ...badEnd(record, file, named, found),
      ]
    case 'pending':
      return expected.mayBePending ? [] : [`${named} was accepted and is pending`]
    case 'queued':
      if (expected.mayBeUnpublished && !record.isMarked && !found.published.has(uploadId))
        return badSource(record, file, named, found)
  }
  return [`${named} is left in between, as ${status}`]
}

function unfinished({ isMarked }: FoundRecord, named: string): string[] {
  return isMarked ? [`${named} has come to its end and is in the outbox still`] : []
}

function badSource({ key = '', size, sha256 }: FoundRecord, file: LedgerFile, named: string, found: Found): string[] {
  const source = found.sources.get(key)
  if (!source) return [`the object of ${named} is gone`]
  const wrong: string[] = []
  if (source.size !== file.size) wrong.push(`the object of ${named} has ${source.size} bytes and not ${file.size}`)
  // The ETag of a multipart object is not a digest. Its processed object shows its content.
  else if (!source.etag.includes('-') && source.etag !== file.md5) wrong.push(`the object of ${named} has other bytes`)
  if (size !== file.size || sha256 !== file.sha256) wrong.push(`the record of ${named} is of other bytes`)
  return wrong
}

function badEnd(record: FoundRecord, { due }: LedgerFile, named: string, found: Found): string[] {
  const { key = '', uploadId, status, processedKey: recorded, furtherKeys = [], failureCode } = record
  const resultKey = processedKey(key)
  const result = found.results.get(resultKey)
  const letters = found.letters.get(uploadId) ?? []
  if (due.status === 'failed') {
    if (status !== 'failed') return [`${named} has to fail with ${due.code} and is ${status}`]
    if (failureCode !== due.code) return [`${named} has to fail with ${due.code} and failed with ${failureCode}`]
    if (!letters.some(({ code }) => code === due.code)) return [`${named} failed and has no dead letter`]
    return []
  }
  if (status !== 'processed') return [`${named} has to be processed and failed with ${failureCode}`]
  if (recorded !== resultKey) return [`the record of ${named} says that its processed object is ${recorded}`]
  if (!result) return [`the processed object of ${named} is not there`]
  if (result.sha256 !== due.sha256) return [`the processed object of ${named} has the wrong bytes`]
  if (result.uploadId !== uploadId) return [`the processed object of ${named} says it is of ${result.uploadId}`]
  return furtherKeys
    .filter(further => found.results.get(further)?.uploadId !== uploadId)
    .map(further => `the output ${further} of ${named} is not there, or is another upload's`)
}
