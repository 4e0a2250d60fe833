/** A row as it stands in the text, well-formed, without its line end. */
export interface RawRecord {
  /** The line that it begins on, from 1. */
  line: number
  text: string
}

/** A line that no row can be made of. */
export interface BadLine {
  line: number
  reason: string
}

export type Split = RawRecord | BadLine

export interface RecordSplitter {
  /** Takes more of the text and gives what is whole by now. */
  push(text: string): Generator<Split>
  /** The text has ended. */
  end(): Generator<Split>
}

export interface SplitterOptions {
  /** One character. */
  delimiter: string
  /** The longest row, in UTF-16 units. */
  maxLength: number
}

/** How a row ends that begins at `start`: before `end`, the next one at `next`, both in the text. */
type Found = { end: number; next: number; lines: number } | { bad: string } | undefined

/**
 * Splits CSV (RFC 4180) into its rows without reading them. A quote that is not where one may be spoils its own line and no
 * other: the next line is taken for the beginning of a row again. A parser that reads on inside of the quotes would take
 * the rest of the file for one field, or each field for the space between two.
 *
 * What comes out does not depend on how the text is cut.
 */
export function createRecordSplitter({ delimiter, maxLength }: SplitterOptions): RecordSplitter {
  /** What has arrived and is not yet split, in pieces: joining them at each push would copy a long row at each push. */
  let waiting: string[] = []
  let waitingLength = 0
  /** The length at which the waiting text is looked at again. */
  let worthwhile = 0
  let text = ''
  let line = 1
  /** In a line that is longer than any row: the rest of it is skipped. */
  let skipping = false
  /** The first quote at or after a position of the text, or its end. Kept: each row without quotes would look for it anew. */
  let known = { from: 0, quote: -1 }

  function* split(isEnd: boolean): Generator<Split> {
    let start = 0
    known = { from: 0, quote: -1 }
    while (start < text.length) {
      if (skipping) {
        const after = text.indexOf('\n', start)
        if (after < 0) {
          start = text.length
          break
        }
        skipping = false
        line++
        start = after + 1
        continue
      }
      const found = find(start, isEnd)
      if (!found) break
      if ('bad' in found) {
        yield { line, reason: found.bad }
        skipping = true
        continue
      }
      // An empty line is no row.
      if (found.end > start) yield { line, text: text.slice(start, found.end) }
      line += found.lines
      start = found.next
    }
    text = text.slice(start)
  }

  /** Looks for the end of the row that begins here. Undefined where more of the text is needed to tell. */
  function find(start: number, isEnd: boolean): Found {
    const newline = text.indexOf('\n', start)
    const lineEnd = newline < 0 ? text.length : newline
    if (quoteFrom(start) >= lineEnd) {
      if (lineEnd - start > maxLength + 1) return { bad: TOO_LONG }
      return newline < 0 && !isEnd ? undefined : ended(start, lineEnd)
    }
    return findQuoted(start, isEnd)
  }

  /** The same for a row with quotes in it, field by field. */
  function findQuoted(start: number, isEnd: boolean): Found {
    for (let at = start; ; ) {
      if (at - start > maxLength) return { bad: TOO_LONG }
      if (text[at] === '"') {
        const closing = closingQuote(at + 1, start + maxLength)
        // Whether a quote at the very end is closing or half of an escaped one, only what follows tells.
        if (closing === undefined || (closing + 1 >= text.length && !isEnd)) {
          if (text.length - start > maxLength + 1) return { bad: NOT_CLOSED }
          return isEnd ? { bad: NOT_CLOSED } : undefined
        }
        if (closing - start > maxLength) return { bad: NOT_CLOSED }
        at = closing + 1
        if (text[at] === '\r' && at + 1 >= text.length && !isEnd) return undefined
        if (at >= text.length || text[at] === '\n' || text.startsWith('\r\n', at)) {
          const lineEnd = text.indexOf('\n', at)
          return ended(start, lineEnd < 0 ? text.length : lineEnd)
        }
        if (text[at] !== delimiter) return { bad: 'Something stands between a closing quote and the end of its field.' }
        at++
        continue
      }
      const next = endOfPlainField(at)
      if (next === undefined) {
        if (text.length - start > maxLength + 1) return { bad: TOO_LONG }
        return isEnd ? ended(start, text.length) : undefined
      }
      if (next - start > maxLength + 1) return { bad: TOO_LONG }
      if (text[next] === '"') return { bad: 'A quote stands in the middle of a field that does not begin with one.' }
      if (text[next] === '\n') return ended(start, next)
      at = next + 1
    }
  }

  function quoteFrom(from: number): number {
    if (from < known.from || from > known.quote) {
      const quote = text.indexOf('"', from)
      known = { from, quote: quote < 0 ? text.length : quote }
    }
    return known.quote
  }

  /** The quote that ends the field: one that is not doubled. Past the limit any quote will do, for the row is too long then. */
  function closingQuote(from: number, limit: number): number | undefined {
    for (let at = quoteFrom(from); at < text.length; at = text.indexOf('"', at + 2)) {
      if (at < 0) return undefined
      if (text[at + 1] !== '"' || at > limit) return at
    }
    return undefined
  }

  /** The first delimiter, line end or quote. */
  function endOfPlainField(from: number): number | undefined {
    for (let at = from; at < text.length; at++) {
      const character = text[at]
      if (character === delimiter || character === '\n' || character === '"') return at
    }
    return undefined
  }

  function ended(start: number, lineEnd: number): Found {
    const isCrLf = lineEnd > start && text[lineEnd - 1] === '\r'
    return { end: isCrLf ? lineEnd - 1 : lineEnd, next: lineEnd + 1, lines: 1 + newlinesBefore(start, lineEnd) }
  }

  /** Counts the line ends inside of the row. The one that ends it is the last that is looked for. */
  function newlinesBefore(start: number, lineEnd: number): number {
    let count = 0
    for (let at = text.indexOf('\n', start); at >= 0 && at < lineEnd; at = text.indexOf('\n', at + 1)) count++
    return count
  }

  function* takeWaiting(isEnd: boolean): Generator<Split> {
    text += waiting.join('')
    waiting = []
    waitingLength = 0
    yield* split(isEnd)
    // What is left has been looked at whole and is the beginning of a row. It is looked at again when it has doubled, or is
    // longer than a row may be: so each character is looked at a few times however small the pieces are.
    worthwhile = Math.min(2 * text.length, Math.max(text.length + 1, maxLength + 2))
  }

  return {
    *push(more) {
      waiting.push(more)
      waitingLength += more.length
      if (text.length + waitingLength >= worthwhile) yield* takeWaiting(false)
    },
    *end() {
      yield* takeWaiting(true)
    },
  }
}

const TOO_LONG = 'The row is longer than rows may be.'
const NOT_CLOSED = 'A quote that is opened is not closed, or only after more than a row may have.'
