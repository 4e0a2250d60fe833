import { TransformError } from '../../../errors.ts'
import { isValue, nameScore } from './cells.ts'
import type { Dialect } from './dialect.ts'
import { findDialect, type GivenDialect, nameOf } from './find-dialect.ts'
import { findHeader } from './find-header.ts'
import type { Head } from './head.ts'
import { numberedNames } from './header.ts'
import type { Reading } from './reading.ts'
import type { Row } from './record-splitter.ts'
import type { DelimiterFrom } from './table-report.ts'

/** What the options of the rule and the content type say about a file. */
export interface GivenTable extends GivenDialect {
  /**
   * `absent`: the first line is a row. A list: the same, and these are the names of the columns. `present` or undefined: the header is
   * detected.
   */
  readonly header?: 'present' | 'absent' | readonly string[] | undefined
  /** True if the content type is `text/tab-separated-values`. */
  readonly isTabType: boolean
  /** Maximum length of a row, in characters. */
  readonly maxRowLength: number
}

/** How the file is read. */
export interface TablePlan {
  readonly dialect: Dialect
  readonly delimiterFrom: DelimiterFrom
  /** The line of the header, or of the first row if `names` is set. Lines before it do not belong to the table. */
  readonly firstLine: number
  /** The names of the columns of a table without a header. */
  readonly names?: readonly string[]
  /** True if the header has no name for the first column. */
  readonly hasRowNames: boolean
  readonly shortRow?: number | undefined
  readonly warnings: readonly string[]
}

/**
 * Decides from the start of a file how the whole file is read. Given settings take precedence over detected ones.
 *
 * @throws TransformError if the file is not a table, or can be read in more than one way
 */
export function planTable(head: Head, given: GivenTable): TablePlan {
  const { maxRowLength: maxLength } = given
  rejectOther(head.text)
  const hint = findHint(head.text)
  if (hint !== undefined && given.delimiter !== undefined && hint !== given.delimiter) {
    throw new TransformError(
      `The first line of the file sets sep=${hint}, but the option delimiter of the rule is ${nameOf(given.delimiter)}.`,
    )
  }
  const limits = { firstLine: hint === undefined ? 1 : 2, maxLength }
  const tab = given.isTabType && head.text.includes('\t') ? '\t' : undefined
  const stated = given.delimiter ?? hint ?? tab
  const reading = findDialect(head, { ...given, delimiter: stated }, limits)
  const warnings: string[] = []
  const isMerged = stated !== undefined && reading.width < 2 && reading.rows.length > 0
  const other = isMerged ? findOther(head, given, limits) : undefined
  if (other !== undefined) {
    const problem = `No line has the delimiter ${nameOf(stated ?? '')}, but ${nameOf(other)} would divide the lines into columns.`
    if (given.delimiter === undefined) throw new TransformError(`${problem} Set the option delimiter.`)
    warnings.push(problem)
  }
  const delimiterFrom =
    given.delimiter !== undefined
      ? 'option'
      : hint !== undefined
        ? 'sep= line'
        : tab !== undefined
          ? 'content type'
          : 'content'
  return {
    dialect: reading.dialect,
    delimiterFrom,
    ...placeOfHeader(reading, given, limits.firstLine, warnings),
    warnings,
  }
}

type Place = Pick<TablePlan, 'firstLine' | 'names' | 'hasRowNames' | 'shortRow'>

function placeOfHeader(reading: Reading, given: GivenTable, from: number, warnings: string[]): Place {
  const { rows, width } = reading
  if (width === 1) warnings.push('No delimiter was found: the table has one column.')
  if (given.header !== undefined && given.header !== 'present') {
    const first = rows.find(({ fields }) => fields.length === width)
    const names = given.header === 'absent' ? numberedNames(width) : given.header
    return { firstLine: first?.line ?? from, names, hasRowNames: false }
  }
  const header = findHeader(reading)
  const row = rows.find(({ line }) => line === header?.line)
  if (row && given.header === undefined && looksLikeValues(row, rows)) {
    warnings.push(
      `Line ${row.line} names the columns but looks like a row of values. If it is one, set the option header to "absent".`,
    )
  }
  if (header?.shortRow !== undefined) {
    warnings.push(
      `The rows have ${header.shortRow} fields, fewer than the header has names. The last columns are empty.`,
    )
  }
  return { firstLine: header?.line ?? from, hasRowNames: header?.hasRowNames ?? false, shortRow: header?.shortRow }
}

function looksLikeValues(row: Row, rows: readonly Row[]): boolean {
  const at = rows.indexOf(row)
  const below = rows.slice(at + 1, at + 20).map(({ fields }) => fields)
  return below.length === 0 ? row.fields.every(isValue) : nameScore(row.fields, below) < 0
}

/** Returns the delimiter of Excel's hint: a first line such as `sep=;`, possibly in quotes or followed by delimiters that Excel adds. */
function findHint(text: string): string | undefined {
  const [, delimiter] = /^"?sep=([^"\r\n])"?[,;\t|]*(?:[\r\n]|$)/i.exec(text.slice(0, 200)) ?? []
  return delimiter
}

/** Returns the delimiter that would be detected if none were given. */
function findOther(
  head: Head,
  given: GivenTable,
  limits: { firstLine: number; maxLength: number },
): string | undefined {
  const { dialect, rows } = findDialect(head, { ...given, delimiter: undefined }, limits)
  return (rows[0]?.fields.length ?? 0) > 1 ? dialect.delimiter : undefined
}

/** @throws TransformError for HTML, XML and JSON, which error pages and exports contain under the name and type of CSV */
function rejectOther(text: string): void {
  const start = text.slice(0, 1_000).trimStart()
  if (/^<(?:!doctype\b|html\b|\?xml\b)/i.test(start)) throw new TransformError('The content is HTML or XML, not CSV.')
  if (/^(?:\[\s*)?\{\s*(?:"(?:[^"\\]|\\.){0,200}"\s*:|\}\s*\]?\s*$)/.test(start)) {
    throw new TransformError('The content is JSON, not CSV.')
  }
}
