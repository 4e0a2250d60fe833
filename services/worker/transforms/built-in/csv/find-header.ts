import { TransformError } from '../../../errors.ts'
import { isName, isValue, nameScore } from './cells.ts'
import { fits, isApart, type Reading } from './reading.ts'
import type { Row } from './record-splitter.ts'

export interface FoundHeader {
  /** The line on which the header begins, or the first row if there is no header. */
  readonly line: number
  /** The number of fields in each row, if all rows omit the same last columns. */
  readonly shortRow?: number
  /** True if the first field of each row is the name of the row, and the header has no name for it. */
  readonly hasRowNames?: boolean
}

/** Maximum number of rows that a header is compared with. */
const COMPARED = 20

/** Maximum number of lines above a header that are checked. */
const MAX_ABOVE = 100

/**
 * Finds the header: the first row after titles, notes and blank lines. Titles and notes have other numbers of fields than the table, and
 * do not look like names, while the row after them does.
 *
 * @throws TransformError if the first row has fewer fields than all others, so that it may be a title or a header
 */
export function findHeader(reading: Reading): FoundHeader | undefined {
  const { pieces, rows, width } = reading
  const [first] = pieces
  const [firstRow] = rows
  if (!first || !firstRow) return undefined
  const start = rows.findIndex(({ fields }) => fields.length === width)
  const row = rows[start]
  if (!row || width < 2 || !('fields' in first)) return { line: first.line }
  if (start === 0) return shortRows(reading) ?? { line: belowTitles(reading, start).line }

  const above = pieces.slice(0, pieces.indexOf(row))
  if (above.length > MAX_ABOVE) return { line: first.line }
  const header = belowTitles(reading, start)
  if (isAbove(reading, above, header)) return { line: header.line }
  return unevenHeader(reading, firstRow, row)
}

/** Finds the header of a table whose rows all omit the same last columns. Rows of one field probably do not belong to the table. */
function shortRows({ rows, pieces }: Reading): FoundHeader | undefined {
  const [header, row, ...others] = rows
  if (!header || !row || pieces.length > rows.length) return undefined
  const shortRow = row.fields.length
  const isSteady = others.every(({ fields }) => fields.length === shortRow)
  return isSteady && shortRow > 1 && shortRow < header.fields.length ? { line: header.line, shortRow } : undefined
}

/** Skips rows in which only the first field has text, because spreadsheets save titles so. */
function belowTitles({ rows, width }: Reading, start: number): Row {
  let at = start
  for (let row = rows[at]; row; row = rows[at]) {
    const next = rows[at + 1]
    const filled = filledFields(row)
    const isTitle = filled === 0 || (width > 2 && filled === 1 && row.fields[0] !== '')
    if (!isTitle || !next || at - start > MAX_ABOVE || next.fields.length > width || filledFields(next) < filled) break
    // A single text may also be the only name of a header. It is a title only if a row of names follows.
    if (filled === 1 && !isTitleAbove(rows.slice(at + 1, at + MAX_ABOVE))) break
    at++
  }
  return rows[at] ?? (rows[start] as Row)
}

function isTitleAbove(rows: readonly Row[]): boolean {
  const header = rows.find(row => filledFields(row) > 1)
  return header?.fields.every(isName) ?? false
}

const filledFields = ({ fields }: Row) => fields.filter(field => field.trim() !== '').length

/** Returns true if a row is the header, and the lines above it do not belong to the table. */
function isAbove({ rows, width, dialect }: Reading, above: Reading['pieces'], row: Row): boolean {
  const below = rows.slice(rows.indexOf(row) + 1).filter(({ fields }) => fits(fields, width))
  const score = nameScore(
    row.fields,
    below.slice(0, COMPARED).map(({ fields }) => fields),
  )
  const lastAbove = above.at(-1)
  const isBlankBetween = lastAbove !== undefined && 'fields' in lastAbove && isApart(lastAbove, row)
  const fields = above.map(piece => ('fields' in piece ? piece.fields : []))
  const isComment = fields.every(([name]) => name?.startsWith('#'))
  const isWithoutDelimiter = fields.every(({ length }) => length <= 1)
  if (score > 0)
    return (
      isWithoutDelimiter ||
      isBlankBetween ||
      isComment ||
      above.length > 1 ||
      isProse(fields[0] ?? [], dialect.delimiter)
    )
  // With only texts or years in the table, a word above this row may also be the name of one column.
  if (score === 0) return isBlankBetween || isComment
  return isBlankBetween && !row.fields.every(isValue)
}

const isProse = (fields: readonly string[], delimiter: string) =>
  delimiter === ',' && fields.slice(1).some(field => field.startsWith(' '))

/** Finds the header if it is the first row and has another number of fields than most rows. */
function unevenHeader(reading: Reading, first: Row, row: Row): FoundHeader {
  const { rows, pieces, width } = reading
  const { line, fields } = first
  const others = rows.slice(1)
  const isSteady = pieces.length === rows.length && others.every(other => other.fields.length === width)
  if (!isSteady || fields.length > width) return shortRows(reading) ?? { line }
  if (fields.length === width - 1 && areRowNames(first, others)) return { line, hasRowNames: true }
  const count = fields.length === 1 ? '1 field' : `${fields.length} fields`
  throw new TransformError(
    `Line ${line} has ${count} and line ${row.line} has ${width}. Line ${line} is a title, or a header that lacks names. Remove the title or add the names, or set the option header to the names of all columns.`,
  )
}

/**
 * Returns true for a table that R wrote: its first column has quoted row numbers and no name in the header. R quotes all names, including
 * these numbers, and no numeric values. Without the quotes, the missing name could be that of another column.
 */
function areRowNames(header: Row, rows: readonly Row[]): boolean {
  if (header.quoted < header.fields.length || rows.some(({ quoted, fields }) => quoted === fields.length)) return false
  const hasQuotedNumber = rows.some(({ quoted, fields }) => quoted > fields.filter(field => !isValue(field)).length)
  return hasQuotedNumber && rows.every(({ fields }, index) => fields[0] === String(1 + index))
}
