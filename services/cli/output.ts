import { describeError } from './describe-error.ts'

/** The output of a command: text for people, or JSON with `--json`. */
export interface Output {
  readonly json: boolean
  /** Prints one result: `value` as a line of JSON, or `text`. */
  item(value: unknown, text: string): void
  /** Prints rows: each as a line of JSON, or all as one table. */
  table<T>(rows: readonly T[], columns: ReadonlyArray<Column<T>>): void
  /**
   * Prints rows as they arrive, so that a list of any length fits into memory: `toJson` of each as a line of JSON, or tables of up to a
   * thousand rows. Resolves to the number of rows.
   */
  stream<T>(rows: AsyncIterable<T>, toJson: (row: T) => unknown, columns: ReadonlyArray<Column<T>>): Promise<number>
  /** Prints an error of one of several items to stderr: `prefix` and the message, or `details` and the error as a line of JSON. */
  failure(error: unknown, prefix: string, details: object): void
  /** Prints a hint or a total for people to stderr, so that a pipe gets the results only. Prints nothing with `--json`. */
  note(text: string): void
}

export interface Column<T> {
  title: string
  cell(row: T): string
}

export interface OutputSettings {
  json: boolean
  stdout(line: string): void
  stderr(line: string): void
}

/** Maximum number of rows of a table that is printed while rows arrive. */
const PAGE = 1_000

export function createOutput({ json, stdout, stderr }: OutputSettings): Output {
  return {
    json,
    item: (value, text) => stdout(json ? JSON.stringify(value) : printable(text)),
    table(rows, columns) {
      if (json) for (const row of rows) stdout(JSON.stringify(row))
      else if (rows.length > 0) for (const line of tableLines(rows, columns)) stdout(line)
    },
    async stream(rows, toJson, columns) {
      let count = 0
      // Only the cells are kept. A row may hold much more.
      let page: string[][] = []
      const printPage = () => {
        const texts = columns.map(({ title }, index) => ({ title, cell: (cells: string[]) => cells[index] ?? '' }))
        if (page.length > 0) for (const line of tableLines(page, texts)) stdout(line)
        page = []
      }
      for await (const row of rows) {
        count++
        if (json) stdout(JSON.stringify(toJson(row)))
        else if (page.push(columns.map(({ cell }) => cell(row))) === PAGE) printPage()
      }
      printPage()
      return count
    },
    failure(error, prefix, details) {
      const { code, message } = describeError(error)
      stderr(json ? JSON.stringify({ ...details, error: { code, message } }) : printable(prefix + message))
    },
    note(text) {
      if (!json) stderr(printable(text))
    },
  }
}

/** Returns the lines of a table. Each column is as wide as its widest cell. */
export function tableLines<T>(rows: readonly T[], columns: ReadonlyArray<Column<T>>): string[] {
  const cells = [columns.map(({ title }) => title), ...rows.map(row => columns.map(({ cell }) => printable(cell(row))))]
  const widths = columns.map((_, index) => Math.max(...cells.map(line => line[index]?.length ?? 0)))
  return cells.map(line =>
    line
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** Escapes control characters, because names and contents come from clients and a terminal would act on them. */
export function printable(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]/gu, character => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

/** Returns a name of a file on one line. Line breaks and characters that change the direction of text could forge other output. */
export function nameText(name: string): string {
  return name.replaceAll(
    /[\p{Cc}\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu,
    character => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )
}
