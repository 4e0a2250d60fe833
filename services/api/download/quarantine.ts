import { isFinal, type UploadRecord } from '../../uploads/records/record.ts'
import { ProblemError } from '../problems/problem.ts'
import { ContentWithheldError } from './errors.ts'

/** @throws ProblemError for an upload in which the scanner found malware */
export function checkNotQuarantined({ status, failure }: Pick<UploadRecord, 'status' | 'failure'>): void {
  if (status !== 'quarantined') return
  throw new ProblemError('quarantined', failure?.reason ?? 'The scan found malware in the file.')
}

/**
 * Checks that the scanner has let a file through. A processed upload without a report was processed before there was a scanner.
 *
 * @throws ProblemError while the scan has no result, and ContentWithheldError if there will be none
 */
export function checkScanned({ status, scan }: Pick<UploadRecord, 'status' | 'scan'>): void {
  if (status === 'processed' || scan?.verdict === 'clean' || scan?.verdict === 'released') return
  if (isFinal(status))
    throw new ContentWithheldError('The file was not scanned for malware, so it cannot be downloaded.')
  const detail = `The file is not scanned for malware yet. The status of the upload is ${status}.`
  throw new ProblemError('content-not-ready', detail, { headers: { 'retry-after': '1' } })
}
