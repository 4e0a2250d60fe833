/** The result of a scan. */
export type Verdict = { verdict: 'clean' } | { verdict: 'infected'; signature: string }

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
