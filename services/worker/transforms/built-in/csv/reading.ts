import type { Dialect } from './dialect.ts'
import type { Head } from './head.ts'
import { isEmptyFrom } from './header.ts'
import { createRecordSplitter, type Row, type Split } from './record-splitter.ts'

/** The rows at the start of a file, read with a dialect. */
export interface Reading {
  readonly dialect: Dialect
  readonly pieces: readonly Split[]
  /** The pieces that are rows. */
  readonly rows: readonly Row[]
  /** The number of columns of the table. 1 if no row has more fields, 0 if there are no rows. */
  readonly width: number
  /** The number of rows with `width` fields, or with further fields that are all empty. */
  readonly fitting: number
  /** The number of rows with one field. */
  readonly single: number
  /** How well the rows fit the dialect: 1 if all rows have the same number of fields and all quotes are valid. */
  readonly score: number
}

/** Maximum number of rows that are read. More rows would hardly change the result. */
const MAX_ROWS = 1_000

/** Reads the start of a file with a dialect. @param firstLine the first line that may belong to the table */
export function readBy(
  dialect: Dialect,
  head: Head,
  { firstLine, maxLength }: { firstLine: number; maxLength: number },
): Reading {
  const splitter = createRecordSplitter({ dialect, maxLength })
  const pieces = take(splitter.push(head.text))
  // If the text continues after the head, its last row is incomplete, and is used only if it is the only one.
  if (head.isWhole || pieces.length === 0) pieces.push(...take(splitter.end()))
  const table = pieces.filter(({ line }) => line >= firstLine)
  const rows = table.filter(piece => 'fields' in piece)
  const width = widthOf(rows)
  const fitting = rows.filter(row => fits(row.fields, width)).length
  const odd = table.length - rows.length + rows.filter(({ isOdd }) => isOdd).length
  const single = rows.filter(({ fields }) => fields.length === 1).length
  const score = table.length === 0 ? 0 : (fitting - odd / 2) / table.length
  return { dialect, pieces: table, rows, width, fitting, single, score }
}

/** Returns true if a row has `width` fields, or further fields that are all empty. */
export function fits(fields: readonly string[], width: number): boolean {
  return fields.length === width || (fields.length > width && isEmptyFrom(fields, width))
}

function take(pieces: Iterable<Split>): Split[] {
  const taken: Split[] = []
  for (const piece of pieces) {
    taken.push(piece)
    if (taken.length >= MAX_ROWS) break
  }
  return taken
}

/**
 * Returns the number of columns of the table: the most frequent number of fields over 1. If two are equally frequent, returns that of
 * the first row, or else the larger one. If the rows after the last blank line have more fields, they are the table, and the rows above
 * them are not.
 */
function widthOf(rows: readonly Row[]): number {
  const [first, ...others] = rows
  if (!first) return 0
  const counts = new Map<number, number>()
  for (const { fields } of rows) if (fields.length > 1) counts.set(fields.length, (counts.get(fields.length) ?? 0) + 1)
  const highest = Math.max(0, ...counts.values())
  const own = first.fields.length
  const width = Math.max(0, ...[...counts].filter(([, count]) => count === highest).map(([fields]) => fields))
  const last = widthOfLastBlock(rows)
  if (last > Math.max(own, width)) return last
  if (highest === 0 || counts.get(own) === highest) return own
  // Each row may have a delimiter after its last value that the header does not have.
  return own > 1 && width > own && others.every(({ fields }) => isEmptyFrom(fields, own)) ? own : width
}

/** Returns the number of fields of the rows after the last blank line, or 0 if the numbers differ or there is only one row. */
function widthOfLastBlock(rows: readonly Row[]): number {
  const width = rows.at(-1)?.fields.length ?? 0
  for (let at = rows.length - 1; at > 0; at--) {
    const [above, row] = [rows[at - 1], rows[at]]
    if (!above || row?.fields.length !== width) return 0
    if (isApart(above, row)) return at < rows.length - 1 ? width : 0
  }
  return 0
}

/** Returns true if there are blank lines between a row and the next row. */
export function isApart(above: Row, row: Row): boolean {
  const lines = above.fields.reduce((count, field) => count + field.split(/\r\n|\n|\r/).length - 1, 1)
  return row.line > above.line + lines
}
