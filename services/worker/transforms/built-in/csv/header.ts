import { TransformError } from '../../../errors.ts'

/** Converts a row to a line of JSON. Returns undefined if the row does not fit the columns. */
export interface ToJson {
  (row: readonly string[]): string | undefined
  readonly columns: readonly string[]
}

/** Maximum number of columns. Each row repeats their names, and a file with more columns is probably not a table. */
const MAX_COLUMNS = 10_000

export interface ColumnOptions {
  /** The number of fields in each row, if all rows omit the same last columns. These columns get empty values. */
  shortRow?: number | undefined
}

/**
 * Creates the conversion of rows to JSON with these column names. A repeated name gets a number, so that no value hides another:
 * `a,a` becomes `a` and `a_2`.
 *
 * @throws TransformError if there are too many columns
 */
export function createToJson(names: readonly string[], { shortRow }: ColumnOptions = {}): ToJson {
  // Checked before any other work, because a row may have a million names.
  if (names.length > MAX_COLUMNS) throw new TransformError(`The header has more than ${MAX_COLUMNS} columns.`)
  const columns = uniqueNames(names)
  // The JSON is written as text, because an object can't have a column `__proto__`, and would move a column "1" to the front.
  const keys = columns.map((name, index) => `${index === 0 ? '{' : ','}${JSON.stringify(name)}:`)
  const write = (row: readonly string[]) => `${keys.map((key, index) => key + JSON.stringify(row[index])).join('')}}\n`
  function toJson(row: readonly string[]): string | undefined {
    if (row.length === keys.length) return write(row)
    if (row.length === shortRow) return write([...row, ...Array<string>(keys.length - row.length).fill('')])
    return row.length > keys.length && isEmptyFrom(row, keys.length) ? write(row) : undefined
  }
  return Object.assign(toJson, { columns })
}

/** Returns true if all fields of a row from a position on are empty, as when a delimiter follows the last value. */
export function isEmptyFrom(row: readonly string[], from: number): boolean {
  for (let at = from; at < row.length; at++) if (row[at] !== '') return false
  return true
}

/** Numbers repeated names. Skips a number if the numbered name is also in the header. */
export function uniqueNames(names: readonly string[]): string[] {
  const taken = new Set(names)
  if (taken.size === names.length) return [...names]
  const counts = new Map<string, number>()
  return names.map(name => {
    const count = counts.get(name)
    if (count === undefined) {
      counts.set(name, 1)
      return name
    }
    let number = count + 1
    while (taken.has(`${name}_${number}`)) number++
    counts.set(name, number)
    taken.add(`${name}_${number}`)
    return `${name}_${number}`
  })
}

/** Returns names for the columns of a table without a header. */
export function numberedNames(count: number): string[] {
  return Array.from({ length: Math.min(count, MAX_COLUMNS + 1) }, (_, index) => `column_${index + 1}`)
}
