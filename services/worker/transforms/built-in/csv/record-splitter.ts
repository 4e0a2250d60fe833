import type { Dialect } from './dialect.ts'
import { createNextOccurrence } from './next-occurrence.ts'

/** A row of the text. */
export interface Row {
  /** The line on which the row begins, from 1. */
  line: number
  fields: string[]
  /** True if the row has a quote in a place where RFC 4180 allows none. */
  isOdd: boolean
  /** The number of quoted fields. */
  quoted: number
  /** True if a field after the first has no blank before it. Only set for rows with quotes. */
  isTight: boolean
}

/** A line that cannot be read as a row. */
export interface BadLine {
  line: number
  reason: string
}

export type Split = Row | BadLine

export interface RecordSplitter {
  /** Takes a piece of the text and yields the rows that are complete. */
  push(text: string): Generator<Split>
  /** Ends the text and yields the last rows. */
  end(): Generator<Split>
  /** The number of rows so far by their line end. */
  readonly lineEnds: Readonly<LineEnds>
}

export interface LineEnds {
  CRLF: number
  LF: number
  CR: number
}

export interface SplitterOptions {
  dialect: Dialect
  /** Maximum length of a row, in UTF-16 units. */
  maxLength: number
}

/** A row, or the reason why the line is bad. Undefined if more of the text is needed. */
type Found = Split | undefined

/** Old DOS programs write this character at the end of a text. */
const CTRL_Z = '\x1a'

/**
 * Splits CSV into rows. CRLF, LF and CR all end a row. A row of one line is read as leniently as in a spreadsheet: a quote in the middle
 * of a field is an ordinary character, and text after a closing quote belongs to the field. A field with line ends must follow RFC 4180.
 * Without that rule, a quote that is not closed would merge several lines into one row. With it, such a quote makes only its own line
 * bad, and the next line begins a new row.
 *
 * The rule also keeps the work linear, because no character is read again and again by the rows before it.
 *
 * The result does not depend on how the text is split into pieces.
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
  /** Pieces that have arrived and are not yet split. Joining them at each push would copy a long row again and again. */
  let waiting: string[] = []
  let waitingLength = 0
  /** The length at which the waiting text is split again. */
  let worthwhile = 0
  let text = ''
  let isLast = false
  let line = 1
  /** The end of the last row that was found, and its number of lines. */
  let rowEnd = 0
  let rowLines = 1
  /** A bad quoted field may continue up to this line. A row with an odd quote there is bad too, because it may belong to the field. */
  let suspectUntil = 0
  /** True inside a bad line. The rest of the line is skipped. */
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

  /** Reads the row that begins at `start`, if it is complete. */
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

  /** Does the same for a row with quotes, field by field. */
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

  /** Returns the position of the quote that ends the field. Returns any quote after the limit, because the row is then too long. */
  function closingQuote(from: number, limit: number): number | undefined {
    for (let at = nextQuote.from(from); at < text.length; at = text.indexOf(quote, at + 2)) {
      if (at < 0) return undefined
      if (at > limit) return at
      // Skips one character for an escaped quote, and two for a doubled one.
      if (isBackslash && isEscaped(at, from)) at--
      // A quote at the end of the text so far may be a closing quote or the first half of a doubled one.
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

  /** Returns the value of the text between two quotes. */
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

  /** Returns true if a line is still incomplete: it has no line end yet, or a CR that may be the first half of CRLF. */
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
    // The remaining text is the start of a row. It is split again after it has doubled, or exceeds the maximum length of a row. So
    // each character is read only a few times, even if the pieces are small.
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

const AFTER_QUOTE = 'There is text between a closing quote and the end of its field.'
const IN_THE_MIDDLE = 'There is a quote in the middle of a field that does not begin with a quote.'
const BACKSLASH =
  'A quote inside a quoted field has a backslash before it. If the file escapes quotes so, set the option escape to "backslash".'

function trimInitialSpace(field: string): string {
  let at = 0
  while (field[at] === ' ') at++
  return at === 0 ? field : field.slice(at)
}

const isEndOfText = (fields: readonly string[]) => fields.length === 1 && fields[0] === CTRL_Z

/** Removes the end mark of DOS from the last field of the last row. */
function trimEnd(fields: string[]): void {
  const last = fields.at(-1) ?? ''
  if (last !== CTRL_Z || fields.length > 1) fields[fields.length - 1] = last.endsWith(CTRL_Z) ? last.slice(0, -1) : last
}
