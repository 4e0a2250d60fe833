import { malformed } from './malformed.ts'

const [CR, LF, SPACE, TAB, DASH] = [0x0d, 0x0a, 0x20, 0x09, 0x2d]

/** Maximum number of blanks after a boundary, and of bytes that are searched for a line end after a line that is no delimiter. */
const MAX_TAIL = 256

const DISPOSITION = 'content-disposition'

/** What an occurrence of `--boundary` is. */
export type Occurrence =
  /** More bytes are needed to decide. */
  | { readonly is: 'unknown' }
  /** The bytes belong to the surrounding content. */
  | { readonly is: 'content' }
  /** A delimiter line. The content before it ends at `start`. The bytes after the line start at `end`. */
  | { readonly is: 'delimiter' | 'close'; readonly start: number; readonly end: number }

const UNKNOWN: Occurrence = { is: 'unknown' }
const CONTENT: Occurrence = { is: 'content' }

export interface Place {
  readonly bytes: Buffer
  /** The index of `--boundary` in `bytes`. */
  readonly at: number
  /** The length of `--boundary`. */
  readonly length: number
  /** The byte before `bytes`. Undefined at the start of the form or of a content, where a delimiter needs no line end before it. */
  readonly before: number | undefined
  /** True if no more bytes follow. */
  readonly isWhole: boolean
  /** The position of `bytes` in the form, for messages. */
  readonly offset: number
}

/**
 * Distinguishes a delimiter line (RFC 2046, 5.1.1) from content that contains the boundary. A line is a delimiter if it has nothing but the
 * boundary, followed by `--` for the last delimiter and by blanks. A longer line that starts the same is content.
 *
 * @throws ProblemError if a line differs from a delimiter only by its line ends, or if a line that is not a delimiter is followed by the
 *   first header of a part. Without the error, the api would read that part as content of the previous part.
 */
export function occurrenceAt(place: Place): Occurrence {
  const { bytes, at, length, isWhole, offset } = place
  const isClose = bytes[at + length] === DASH && bytes[at + length + 1] === DASH
  if (!isClose && !isWhole && bytes[at + length] === DASH && at + length + 1 === bytes.length) return UNKNOWN
  const tail = at + length + (isClose ? 2 : 0)
  let end = tail
  while ((bytes[end] === SPACE || bytes[end] === TAB) && end - tail <= MAX_TAIL) end++
  if (end - tail > MAX_TAIL) throw malformed(`More than ${MAX_TAIL} blanks follow the boundary at byte ${offset + at}.`)
  if (end === bytes.length && !isWhole) return UNKNOWN

  const lineStart = lineStartOf(place)
  const isEndOfForm = end === bytes.length && isClose
  if (isEndOfForm || bytes[end] === CR || bytes[end] === LF) {
    const isCutOff = bytes[end] === CR && end + 1 === bytes.length
    if (isCutOff && !isWhole) return UNKNOWN
    const endsWithCrlf = isEndOfForm || (bytes[end] === CR && bytes[end + 1] === LF) || (isCutOff && isClose)
    if (endsWithCrlf && lineStart.is === 'crlf') {
      const next = isEndOfForm ? end : Math.min(end + 2, bytes.length)
      return { is: isClose ? 'close' : 'delimiter', start: lineStart.at, end: next }
    }
    if (lineStart.is !== 'none') {
      throw malformed(
        `The delimiter line at byte ${offset + at} is not enclosed in CR LF line ends. End every line around the parts of a form with CR LF.`,
      )
    }
  }
  return partFollows(place, end)
}

type LineStart = { is: 'crlf'; at: number } | { is: 'damaged' } | { is: 'none' }

function lineStartOf({ bytes, at, before }: Place): LineStart {
  if (at === 0 && before === undefined) return { is: 'crlf', at: 0 }
  const [second, first] = [at === 0 ? before : bytes[at - 1], at === 1 ? before : bytes[at - 2]]
  if (at >= 2 && first === CR && second === LF) return { is: 'crlf', at: at - 2 }
  return second === LF || second === CR ? { is: 'damaged' } : { is: 'none' }
}

/** @throws ProblemError if the next line is the first header of a part */
function partFollows({ bytes, at, isWhole, offset }: Place, from: number): Occurrence {
  const found = /\r\n|[\r\n]/.exec(bytes.toString('latin1', from, from + MAX_TAIL))
  if (!found) return bytes.length - from < MAX_TAIL && !isWhole ? UNKNOWN : CONTENT
  const next = from + found.index + found[0].length
  if (next === bytes.length && !isWhole) return UNKNOWN
  const line = bytes.toString('latin1', next, next + DISPOSITION.length).toLowerCase()
  if (line === DISPOSITION) {
    throw malformed(
      `A part of the form starts after byte ${offset + at}, but the line before it is not a delimiter. A delimiter is a line with two dashes and the boundary, and nothing else.`,
    )
  }
  return DISPOSITION.startsWith(line) && !isWhole ? UNKNOWN : CONTENT
}

/**
 * Returns how many bytes at the end of `bytes` may be the start of a delimiter, with the line end before it.
 *
 * @param delimiter CR LF and `--boundary`
 */
export function heldBack(bytes: Buffer, delimiter: Buffer): number {
  for (let length = Math.min(bytes.length, delimiter.length - 1); length > 0; length--) {
    const end = bytes.subarray(bytes.length - length)
    if (end.equals(delimiter.subarray(0, length))) return length
    // The boundary may also occur without a line end before it.
    if (length < delimiter.length - 2 && end.equals(delimiter.subarray(2, 2 + length))) return length
  }
  return 0
}
