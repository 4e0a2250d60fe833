import { TransformError } from '../../../errors.ts'

export interface ByteOrderMark {
  /** The encoding's name in the WHATWG Encoding Standard. */
  readonly encoding: 'utf-8' | 'utf-16le' | 'utf-16be'
  /** Length of the mark, in bytes. */
  readonly length: number
}

/** Number of bytes at the start of a text that are needed to find its byte-order mark. */
export const MAX_MARK_BYTES = 4

const MARKS: readonly (ByteOrderMark & { readonly bytes: string })[] = [
  { encoding: 'utf-8', length: 3, bytes: 'efbbbf' },
  { encoding: 'utf-16le', length: 2, bytes: 'fffe' },
  { encoding: 'utf-16be', length: 2, bytes: 'feff' },
]

/** The mark of UTF-32LE starts with the mark of UTF-16LE. No UTF-16LE text has a NUL after its mark. */
const UTF_32 = new Set(['fffe0000', '0000feff'])

/**
 * Returns the byte-order mark at the start of a text, or undefined if there is none.
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
