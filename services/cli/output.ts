/** Where a command says what it found: for people, or with `--json` for scripts. */
export interface Output {
  readonly json: boolean
  /** One thing that was found or done: a line of JSON, or the text for people. */
  item(value: unknown, text: string): void
  /** Rows that belong together: a line of JSON each, or one table. The columns are those of the first row's cells. */
  table<T>(rows: readonly T[], columns: ReadonlyArray<Column<T>>): void
  /** For people alone: a hint, a total, that there is nothing. Goes to stderr, so that a pipe has the findings only. */
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

export function createOutput({ json, stdout, stderr }: OutputSettings): Output {
  return {
    json,
    item: (value, text) => stdout(json ? JSON.stringify(value) : printable(text)),
    table(rows, columns) {
      if (json) for (const row of rows) stdout(JSON.stringify(row))
      else if (rows.length > 0) for (const line of tableLines(rows, columns)) stdout(line)
    },
    note(text) {
      if (!json) stderr(printable(text))
    },
  }
}

/** The rows as lines, each column as wide as its widest cell. */
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

/** Without what a terminal would act on: names and contents come from clients. */
export function printable(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]/gu, character => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
