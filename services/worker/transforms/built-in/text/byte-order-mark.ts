import { TransformError } from '../../../errors.ts'

export interface ByteOrderMark {
  /** WHATWG's name of the encoding that the mark belongs to. */
  readonly encoding: 'utf-8' | 'utf-16le' | 'utf-16be'
  /** Bytes of the mark. */
  readonly length: number
}

/** Bytes at the start of a text that are needed to read its byte-order mark. */
export const MAX_MARK_BYTES = 4

const MARKS: readonly (ByteOrderMark & { readonly bytes: string })[] = [
  { encoding: 'utf-8', length: 3, bytes: 'efbbbf' },
  { encoding: 'utf-16le', length: 2, bytes: 'fffe' },
  { encoding: 'utf-16be', length: 2, bytes: 'feff' },
]

/** The mark of UTF-32LE begins like that of UTF-16LE. No text begins with that mark and a NUL. */
const UTF_32 = new Set(['fffe0000', '0000feff'])

/**
 * Returns the byte-order mark that a text begins with, or undefined.
 *
 * @param start at least the first `MAX_MARK_BYTES` bytes of the text, or all of a shorter one
 * @throws TransformError for UTF-32
 */
export function byteOrderMarkOf(start: Uint8Array): ByteOrderMark | undefined {
  const hex = Buffer.from(start.subarray(0, MAX_MARK_BYTES)).toString('hex')
  if (UTF_32.has(hex)) {
    throw new TransformError('The text begins with the byte-order mark of UTF-32. Send the text in UTF-8.')
  }
  return MARKS.find(({ bytes }) => hex.startsWith(bytes))
}
