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

/** What the rule and the content type say of a file. */
export interface GivenTable extends GivenDialect {
  /** `absent`: the first line is a row. Names: the same, and the columns have these names. Left out: the header is looked for. */
  readonly header?: 'present' | 'absent' | readonly string[] | undefined
  /** True if the content type is that of fields between tabs. */
  readonly isTabType: boolean
  /** The longest row, in characters. */
  readonly maxRowLength: number
}

/** How a file is read. */
export interface TablePlan {
  readonly dialect: Dialect
  readonly delimiterFrom: DelimiterFrom
  /** The line of the header; of the first row, where `names` are given. Lines before it are no part of the table. */
  readonly firstLine: number
  /** The names of the columns of a table without a header. */
  readonly names?: readonly string[]
  /** True if the header has no name for the first column. */
  readonly hasRowNames: boolean
  readonly shortRow?: number | undefined
  readonly warnings: readonly string[]
}

/**
 * Decides from the start of a file how all of it is read. What is given counts before what is found.
 *
 * @throws TransformError for what is no table, or may be read in more than one way
 */
export function planTable(head: Head, given: GivenTable): TablePlan {
  const { maxRowLength: maxLength } = given
  rejectOther(head.text)
  const hint = findHint(head.text)
  if (hint !== undefined && given.delimiter !== undefined && hint !== given.delimiter) {
    throw new TransformError(
      `The first line says sep=${hint}, and the option delimiter of the rule is ${nameOf(given.delimiter)}.`,
    )
  }
  const limits = { firstLine: hint === undefined ? 1 : 2, maxLength }
  const tab = given.isTabType && head.text.includes('\t') ? '\t' : undefined
  const told = given.delimiter ?? hint ?? tab
  const reading = findDialect(head, { ...given, delimiter: told }, limits)
  const warnings: string[] = []
  const isMerged = told !== undefined && reading.width < 2 && reading.rows.length > 0
  const other = isMerged ? findOther(head, given, limits) : undefined
  if (other !== undefined) {
    const words = `No line has the delimiter ${nameOf(told ?? '')}, and ${nameOf(other)} would divide the lines into columns.`
    if (given.delimiter === undefined) throw new TransformError(`${words} Set the option delimiter.`)
    warnings.push(words)
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

/** Excel's own hint: a first line `sep=;`, also in quotes, and also with the delimiters that Excel adds to it. */
function findHint(text: string): string | undefined {
  const [, delimiter] = /^"?sep=([^"\r\n])"?[,;\t|]*(?:[\r\n]|$)/i.exec(text.slice(0, 200)) ?? []
  return delimiter
}

/** The delimiter that would be found if none were given. */
function findOther(
  head: Head,
  given: GivenTable,
  limits: { firstLine: number; maxLength: number },
): string | undefined {
  const { dialect, rows } = findDialect(head, { ...given, delimiter: undefined }, limits)
  return (rows[0]?.fields.length ?? 0) > 1 ? dialect.delimiter : undefined
}

/** Pages of errors and exports of other kinds come with the name and type of CSV. As a table they would have one column. */
function rejectOther(text: string): void {
  const start = text.slice(0, 1_000).trimStart()
  if (/^<(?:!doctype\b|html\b|\?xml\b)/i.test(start)) throw new TransformError('The content is HTML or XML, not CSV.')
  if (/^(?:\[\s*)?\{\s*(?:"(?:[^"\\]|\\.){0,200}"\s*:|\}\s*\]?\s*$)/.test(start)) {
    throw new TransformError('The content is JSON, not CSV.')
  }
}
