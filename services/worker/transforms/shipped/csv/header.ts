import { TransformError } from '../../../errors.ts'

/** Gives a row as a line of JSON, undefined where it has another number of fields than the header. */
export interface ToJson {
  (row: readonly string[]): string | undefined
  readonly columns: number
}

/** More are no table, and each row repeats their names. */
const MAX_COLUMNS = 10_000

/**
 * Reads the row that names the columns.
 *
 * @throws TransformError where it has a name twice: one value would hide the other
 */
export function headerOf(names: readonly string[]): ToJson {
  // The bound comes first: a row may be a million names.
  if (names.length > MAX_COLUMNS) throw new TransformError(`The header has more than ${MAX_COLUMNS} columns.`)
  rejectDuplicates(names)
  // Written as text and not as an object, in which `__proto__` would be no column, and "1" the first.
  const keys = names.map((name, index) => `${index === 0 ? '{' : ','}${JSON.stringify(name)}:`)
  const toJson = (row: readonly string[]) =>
    row.length === keys.length ? `${keys.map((key, index) => key + JSON.stringify(row[index])).join('')}}\n` : undefined
  return Object.assign(toJson, { columns: names.length })
}

function rejectDuplicates(names: readonly string[]): void {
  const firstAt = new Map<string, number>()
  for (const [index, name] of names.entries()) {
    const first = firstAt.get(name)
    if (first !== undefined) {
      throw new TransformError(`Two columns have the same name: ${first + 1} and ${index + 1}.`)
    }
    firstAt.set(name, index)
  }
}
