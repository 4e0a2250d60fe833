import type { Dialect } from './dialect.ts'
import { createNextOccurrence } from './next-occurrence.ts'

/** A row of the text. */
export interface Row {
  /** The line that it begins on, from 1. */
  line: number
  fields: string[]
  /** True if a quote stands in the row where RFC 4180 has none. */
  isOdd: boolean
  /** The number of fields in quotes. */
  quoted: number
  /** True if no blank stands before a field that is not the first. Only looked at in rows with quotes. */
  isTight: boolean
}

/** A line that no row can be made of. */
export interface BadLine {
  line: number
  reason: string
}

export type Split = Row | BadLine

export interface RecordSplitter {
  /** Takes more of the text and gives what is whole by now. */
  push(text: string): Generator<Split>
  /** The text has ended. */
  end(): Generator<Split>
  /** The rows that have ended in each of the line ends so far. */
  readonly lineEnds: Readonly<LineEnds>
}

export interface LineEnds {
  CRLF: number
  LF: number
  CR: number
}

export interface SplitterOptions {
  dialect: Dialect
  /** The longest row, in UTF-16 units. */
  maxLength: number
}

/** A row, or the reason why the line is bad. Undefined if more of the text is needed. */
type Found = Split | undefined

/** Old DOS programs end a text with it. */
const CTRL_Z = '\x1a'

/**
 * Splits CSV into its rows. CRLF, LF and CR all end a row. A row within one line is read as leniently as a spreadsheet does:
 * a quote in the middle of a field is a character like any other, and text after a closing quote belongs to the field. A
 * field with line ends in it has to follow RFC 4180. Otherwise a quote that is not closed would make one row of several
 * lines: such a quote spoils its own line only, and the next line begins a row.
 *
 * That is also what keeps the work linear: read strictly, the lines inside of a quoted field end their own rows, so that no
 * character is read again and again by the rows before it.
 *
 * What comes out does not depend on how the text is cut.
 */
export function createRecordSplitter({ dialect, maxLength }: SplitterOptions): RecordSplitter {
  const { delimiter, quote, skipInitialSpace } = dialect
  const isBackslash = dialect.escape === 'backslash'
  const nextDelimiter = createNextOccurrence(delimiter)
  const nextQuote = createNextOccurrence(quote)
  const nextLf = createNextOccurrence('\n')
  const nextCr = createNextOccurrence('\r')
  const tooLong = `The row is longer than ${maxLength} characters, the option maxRowLength.`
  const notClosed = `A quote is opened and not closed within ${maxLength} characters, the option maxRowLength.`
  const lineEnds: LineEnds = { CRLF: 0, LF: 0, CR: 0 }
  /** What has arrived and is not yet split, in pieces: joining them at each push would copy a long row at each push. */
  let waiting: string[] = []
  let waitingLength = 0
  /** The length at which the waiting text is looked at again. */
  let worthwhile = 0
  let text = ''
  let isLast = false
  let line = 1
  /** Where the row that was found last ends, and how many lines it has. */
  let rowEnd = 0
  let rowLines = 1
  /** Up to this line, a quoted field may go on that could not be read. What looks odd there may be a part of it. */
  let suspectUntil = 0
  /** In a line that no row can be made of: the rest of it is skipped. */
  let skipping = false

  function* split(): Generator<Split> {
    for (const next of [nextDelimiter, nextQuote, nextLf, nextCr]) next.reset(text)
    let start = 0
    while (start < text.length) {
      if (skipping) {
        const end = lineEndFrom(start)
        start = end
        if (isOpen(end)) break
        skipping = false
        line++
        start = afterLineEnd(end)
        continue
      }
      const found = find(start)
      if (!found) break
      if (!('fields' in found)) {
        yield found
        skipping = true
        continue
      }
      if (isLast && rowEnd >= text.length) trimEnd(found.fields)
      if (rowEnd > start && !isEndOfText(found.fields)) yield found
      line += rowLines
      start = countedLineEnd(rowEnd)
    }
    text = text.slice(start)
  }

  /** Looks for the end of the row that begins here. */
  function find(start: number): Found {
    const end = lineEndFrom(start)
    if (nextQuote.from(start) < end) return findQuoted(start)
    if (end - start > maxLength) return { line, reason: tooLong }
    if (isOpen(end)) return undefined
    rowEnd = end
    rowLines = 1
    const fields = text.slice(start, end).split(delimiter)
    const trimmed = skipInitialSpace ? fields.map(trimInitialSpace) : fields
    return { line, fields: trimmed, isOdd: false, quoted: 0, isTight: false }
  }

  /** The same for a row with quotes in it, field by field. */
  function findQuoted(start: number): Found {
    const fields: string[] = []
    let isOdd = false
    let quoted = 0
    let isTight = false
    let isMultiLine = false
    let lineEnd = lineEndFrom(start)
    for (let at = start; ; at++) {
      let content = ''
      let end = -1
      const opening = afterBlanks(at)
      if (opening - start > maxLength) return { line, reason: tooLong }
      if (opening >= text.length && !isLast) return undefined
      const isSpaced = opening > at || at === start
      const isQuoted = quote !== '' && text[opening] === quote
      if (isQuoted) {
        const closing = closingQuote(opening + 1, isOdd ? lineEnd : start + maxLength)
        if (closing === undefined || closing - start > maxLength) {
          const isUndecided = closing === undefined && text.length - start <= maxLength + 1
          return isUndecided && !isLast && (!isOdd || isOpen(lineEnd)) ? undefined : { line, reason: notClosed }
        }
        if (closing > lineEnd) {
          if (isOdd) return { line, reason: notClosed }
          isMultiLine = true
          lineEnd = lineEndFrom(closing)
        }
        quoted++
        content = unquote(text.slice(opening + 1, closing))
        at = closing + 1
        const next = afterBlanks(at)
        if (next - start > maxLength) return { line, reason: tooLong }
        if (next >= text.length && !isLast) return undefined
        if (text[next] === delimiter || next >= lineEnd) end = next
        else if (isMultiLine) return suspect(AFTER_QUOTE, start, closing)
        else if (text[closing - 1] === '\\' && !isBackslash) return { line, reason: BACKSLASH }
        else isOdd = true
      }
      const isClosed = end >= 0
      if (!isClosed) end = Math.min(nextDelimiter.from(at), lineEnd)
      if (end - start > maxLength) return { line, reason: tooLong }
      if (end === lineEnd && isOpen(end)) return undefined
      if (!isClosed && nextQuote.from(at) < end) {
        if (isMultiLine) return suspect(IN_THE_MIDDLE, start, end)
        isOdd = true
      }
      const plain = isClosed ? '' : text.slice(at, end)
      if (isQuoted) fields.push(content + plain)
      else fields.push(skipInitialSpace ? trimInitialSpace(plain) : plain)
      if (!isSpaced && (isQuoted || plain !== '')) isTight = true
      if (end === lineEnd) {
        if (isOdd && line <= suspectUntil) return { line, reason: IN_THE_MIDDLE }
        rowEnd = end
        rowLines = isMultiLine ? lineEndsIn(start, end) + 1 : 1
        return { line, fields, isOdd, quoted, isTight }
      }
      at = end
    }
  }

  function suspect(reason: string, start: number, end: number): BadLine {
    suspectUntil = line + lineEndsIn(start, end)
    return { line, reason }
  }

  /** The quote that ends the field. Past the limit any quote will do, for the row is too long then. */
  function closingQuote(from: number, limit: number): number | undefined {
    for (let at = nextQuote.from(from); at < text.length; at = text.indexOf(quote, at + 2)) {
      if (at < 0) return undefined
      if (at > limit) return at
      // An escaped quote is passed over alone, a doubled one with its second half.
      if (isBackslash && isEscaped(at, from)) at--
      // Whether a quote at the very end is closing or half of a doubled one, only what follows tells.
      else if (at + 1 >= text.length) return isLast ? at : undefined
      else if (text[at + 1] !== quote) return at
    }
    return undefined
  }

  function isEscaped(at: number, from: number): boolean {
    let backslash = at - 1
    while (backslash >= from && text[backslash] === '\\') backslash--
    return (at - backslash) % 2 === 0
  }

  /** Returns what the text between two quotes stands for. */
  function unquote(content: string): string {
    if (!isBackslash) return content.includes(quote) ? content.replaceAll(quote + quote, quote) : content
    return content.replace(quote === '"' ? /\\(["\\])|"(")/g : /\\(['\\])|'(')/g, '$1$2')
  }

  function afterBlanks(from: number): number {
    let at = from
    while ((text[at] === ' ' || text[at] === '\t') && text[at] !== delimiter) at++
    return at
  }

  function lineEndFrom(from: number): number {
    return Math.min(nextLf.from(from), nextCr.from(from))
  }

  /** Whether a line that ends here may go on: it has no end so far, or one that may be half of CRLF. */
  function isOpen(end: number): boolean {
    return !isLast && (end >= text.length || (text[end] === '\r' && end + 1 >= text.length))
  }

  function afterLineEnd(end: number): number {
    return text[end] === '\r' && text[end + 1] === '\n' ? end + 2 : end + 1
  }

  function countedLineEnd(end: number): number {
    const next = afterLineEnd(end)
    if (next - end === 2) lineEnds.CRLF++
    else if (end < text.length) lineEnds[text[end] === '\r' ? 'CR' : 'LF']++
    return next
  }

  function lineEndsIn(from: number, to: number): number {
    let count = 0
    for (let at = from; at < to; at++) {
      if (text[at] === '\n' || (text[at] === '\r' && text[at + 1] !== '\n')) count++
    }
    return count
  }

  function* takeWaiting(): Generator<Split> {
    text += waiting.join('')
    waiting = []
    waitingLength = 0
    yield* split()
    // What is left has been looked at whole and is the beginning of a row. It is looked at again when it has doubled, or is
    // longer than a row may be: so each character is looked at a few times however small the pieces are.
    worthwhile = Math.min(2 * text.length, Math.max(text.length + 1, maxLength + 2))
  }

  return {
    *push(more) {
      waiting.push(more)
      waitingLength += more.length
      if (text.length + waitingLength >= worthwhile) yield* takeWaiting()
    },
    *end() {
      isLast = true
      yield* takeWaiting()
    },
    lineEnds,
  }
}

const AFTER_QUOTE = 'Something stands between a closing quote and the end of its field.'
const IN_THE_MIDDLE = 'A quote stands in the middle of a field that does not begin with one.'
const BACKSLASH =
  'A quote inside of a field has a backslash before it. If that is how quotes are escaped, set the option escape.'

function trimInitialSpace(field: string): string {
  let at = 0
  while (field[at] === ' ') at++
  return at === 0 ? field : field.slice(at)
}

const isEndOfText = (fields: readonly string[]) => fields.length === 1 && fields[0] === CTRL_Z

/** Takes the end of a DOS text off the last field of its last row. */
function trimEnd(fields: string[]): void {
  const last = fields.at(-1) ?? ''
  if (last !== CTRL_Z || fields.length > 1) fields[fields.length - 1] = last.endsWith(CTRL_Z) ? last.slice(0, -1) : last
}
