import { TransformError } from '../../../errors.ts'

/** Gives a row as a line of JSON, undefined where it does not fit the columns. */
export interface ToJson {
  (row: readonly string[]): string | undefined
  readonly columns: readonly string[]
}

/** More are no table, and each row repeats their names. */
const MAX_COLUMNS = 10_000

export interface ColumnOptions {
  /** The number of fields of rows that leave out the last columns. Such rows are filled with empty values. */
  shortRow?: number | undefined
}

/**
 * Returns how the rows under these names become JSON. A name that occurs again gets a number, so that no value hides another:
 * `a,a` becomes `a` and `a_2`.
 *
 * @throws TransformError where there are too many columns
 */
export function createToJson(names: readonly string[], { shortRow }: ColumnOptions = {}): ToJson {
  // The bound comes first: a row may be a million names.
  if (names.length > MAX_COLUMNS) throw new TransformError(`The header has more than ${MAX_COLUMNS} columns.`)
  const columns = uniqueNames(names)
  // Written as text and not as an object, in which `__proto__` would be no column, and "1" the first.
  const keys = columns.map((name, index) => `${index === 0 ? '{' : ','}${JSON.stringify(name)}:`)
  const write = (row: readonly string[]) => `${keys.map((key, index) => key + JSON.stringify(row[index])).join('')}}\n`
  function toJson(row: readonly string[]): string | undefined {
    if (row.length === keys.length) return write(row)
    if (row.length === shortRow) return write([...row, ...Array<string>(keys.length - row.length).fill('')])
    return row.length > keys.length && isEmptyFrom(row, keys.length) ? write(row) : undefined
  }
  return Object.assign(toJson, { columns })
}

/** Whether a row has nothing but empty fields from a position on: a delimiter stands behind its last value. */
export function isEmptyFrom(row: readonly string[], from: number): boolean {
  for (let at = from; at < row.length; at++) if (row[at] !== '') return false
  return true
}

/** Numbers the later ones of each name. A number that makes a name of the header again is left out. */
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

/** The names of columns that have none. */
export function numberedNames(count: number): string[] {
  return Array.from({ length: Math.min(count, MAX_COLUMNS + 1) }, (_, index) => `column_${index + 1}`)
}
