import type { ObjectRef } from '../../uploads/records/record.ts'

/** The result of a scan. */
export type Verdict = { verdict: 'clean' } | { verdict: 'infected'; signature: string }

/** The status of an object that a scanner tags: a verdict, or why there is none yet. */
export type TaggedVerdict = Verdict | { verdict: 'none'; reason: string }

/** A scanner that scans objects by itself, and tags them with its verdict. */
export interface TaggingScanner {
  readonly name: 'guardduty'
  /** Reads the verdict of the object that is under the key now. @throws errors of S3 */
  read(object: ObjectRef, signal: AbortSignal): Promise<TaggedVerdict>
}

export type Scanner = ContentScanner | TaggingScanner

/** A scanner that gets the bytes of an object. */
export interface ContentScanner {
  readonly name: 'clamd'
  /** Maximum number of scans at a time. */
  readonly maxConnections: number
  /** The largest object that is scanned, in bytes. */
  readonly maxBytes: number
  /**
   * Scans the bytes of an object. Reads no more than the scanner takes.
   *
   * @throws ScanLimitError, ScannerUnavailableError, errors of `content`, and the signal's reason
   */
  scan(content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<Verdict>
  /** Resolves if the scanner answers. @throws ScannerUnavailableError */
  check(signal: AbortSignal): Promise<void>
}
