import { malformed } from './malformed.ts'

const [CR, LF, SPACE, TAB, DASH] = [0x0d, 0x0a, 0x20, 0x09, 0x2d]

/** Blanks that may follow a boundary, and the rest of a line that is searched for a damaged delimiter, in bytes. */
const MAX_TAIL = 256

const DISPOSITION = 'content-disposition'

/** What stands at an occurrence of `--boundary`. */
export type Occurrence =
  /** More bytes are needed to tell. */
  | { readonly is: 'unknown' }
  /** The bytes belong to the content around them. */
  | { readonly is: 'content' }
  /** A delimiter line. The content before it ends at `start`, and what follows the line begins at `end`. */
  | { readonly is: 'delimiter' | 'close'; readonly start: number; readonly end: number }

const UNKNOWN: Occurrence = { is: 'unknown' }
const CONTENT: Occurrence = { is: 'content' }

export interface Place {
  readonly bytes: Buffer
  /** Where `--boundary` begins. */
  readonly at: number
  /** The length of `--boundary`. */
  readonly length: number
  /** The byte before `bytes`. Undefined where a delimiter needs no line end before it: at the start of the form or of a content. */
  readonly before: number | undefined
  /** Whether no more bytes follow. */
  readonly isWhole: boolean
  /** The position of `bytes` in the form, for messages. */
  readonly offset: number
}

/**
 * Tells a delimiter line (RFC 2046, 5.1.1) from content that has the boundary in it. A line is a delimiter if it is the boundary
 * alone, with `--` behind it for the last one; blanks may follow. A longer line with the same beginning is content.
 *
 * @throws ProblemError for a line that is a delimiter but for its line ends, and where a part begins behind something else. Taken
 *   for content, the part would end up inside the one before it.
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
        `The delimiter line at byte ${offset + at} does not stand between two CRLF line ends. Every line around the parts of a form ends with CR LF.`,
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

/** @throws ProblemError where the line behind this one is the first header of a part */
function partFollows({ bytes, at, isWhole, offset }: Place, from: number): Occurrence {
  const found = /\r\n|[\r\n]/.exec(bytes.toString('latin1', from, from + MAX_TAIL))
  if (!found) return bytes.length - from < MAX_TAIL && !isWhole ? UNKNOWN : CONTENT
  const next = from + found.index + found[0].length
  if (next === bytes.length && !isWhole) return UNKNOWN
  const line = bytes.toString('latin1', next, next + DISPOSITION.length).toLowerCase()
  if (line === DISPOSITION) {
    throw malformed(
      `A part of the form begins behind byte ${offset + at}, and the line there is not a delimiter. A delimiter is a line of its own: two dashes and the boundary, and nothing else.`,
    )
  }
  return DISPOSITION.startsWith(line) && !isWhole ? UNKNOWN : CONTENT
}

/**
 * Counts the bytes at the end of `bytes` that may be the beginning of a delimiter, with the line end before it.
 *
 * @param delimiter CR LF and `--boundary`
 */
export function heldBack(bytes: Buffer, delimiter: Buffer): number {
  for (let length = Math.min(bytes.length, delimiter.length - 1); length > 0; length--) {
    const end = bytes.subarray(bytes.length - length)
    if (end.equals(delimiter.subarray(0, length))) return length
    // The boundary may also stand where no line begins.
    if (length < delimiter.length - 2 && end.equals(delimiter.subarray(2, 2 + length))) return length
  }
  return 0
}
