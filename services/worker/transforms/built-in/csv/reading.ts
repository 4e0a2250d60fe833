import type { Dialect } from './dialect.ts'
import type { Head } from './head.ts'
import { isEmptyFrom } from './header.ts'
import { createRecordSplitter, type Row, type Split } from './record-splitter.ts'

/** What the start of a file looks like when it is read by a dialect. */
export interface Reading {
  readonly dialect: Dialect
  readonly pieces: readonly Split[]
  /** Those of them that are rows. */
  readonly rows: readonly Row[]
  /** The number of fields that the table has: what most of its rows have. 1 where no row has more, 0 without any rows. */
  readonly width: number
  /** The rows that have as many, and those that have more which are empty. */
  readonly fitting: number
  /** The rows of one field. */
  readonly single: number
  /** How well the rows fit: 1 where each has the same number of fields and no quote stands where none may be. */
  readonly score: number
}

/** More say nothing new. */
const MAX_ROWS = 1_000

/** @param firstLine the lines before it are no part of the table */
export function readBy(
  dialect: Dialect,
  head: Head,
  { firstLine, maxLength }: { firstLine: number; maxLength: number },
): Reading {
  const splitter = createRecordSplitter({ dialect, maxLength })
  const pieces = take(splitter.push(head.text))
  // The last row is cut where the text goes on, and does not count beside whole ones.
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
 * The most frequent number of fields over 1; of two that are equally frequent, that of the first row, or the larger one. Rows
 * that go on to the end behind a blank line and have more fields are the table, and what stands above them is not.
 */
function widthOf(rows: readonly Row[]): number {
  const [first, ...others] = rows
  if (!first) return 0
  const counts = new Map<number, number>()
  for (const { fields } of rows) if (fields.length > 1) counts.set(fields.length, (counts.get(fields.length) ?? 0) + 1)
  const most = Math.max(0, ...counts.values())
  const own = first.fields.length
  const width = Math.max(0, ...[...counts].filter(([, count]) => count === most).map(([fields]) => fields))
  const last = widthOfLastBlock(rows)
  if (last > Math.max(own, width)) return last
  if (most === 0 || counts.get(own) === most) return own
  // A delimiter behind the last value of each row, and none behind the last name.
  return own > 1 && width > own && others.every(({ fields }) => isEmptyFrom(fields, own)) ? own : width
}

/** The number of fields of the rows behind the last blank line; 0 where they differ, or there is one row alone. */
function widthOfLastBlock(rows: readonly Row[]): number {
  const width = rows.at(-1)?.fields.length ?? 0
  for (let at = rows.length - 1; at > 0; at--) {
    const [above, row] = [rows[at - 1], rows[at]]
    if (!above || row?.fields.length !== width) return 0
    if (isApart(above, row)) return at < rows.length - 1 ? width : 0
  }
  return 0
}

/** Whether blank lines stand between a row and the next one. */
export function isApart(above: Row, row: Row): boolean {
  const lines = above.fields.reduce((count, field) => count + field.split(/\r\n|\n|\r/).length - 1, 1)
  return row.line > above.line + lines
}
