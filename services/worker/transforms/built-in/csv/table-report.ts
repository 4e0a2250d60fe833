import type { Dialect } from './dialect.ts'
import type { LineEnds } from './record-splitter.ts'

/** How a table was read, for people. */
export interface TableReport {
  readonly rows: number
  readonly badRows: number
  readonly dialect: Dialect
  /** The source of the delimiter. */
  readonly delimiterFrom: DelimiterFrom
  readonly lineEnds: Readonly<LineEnds>
  /** The line of the header. Undefined if the file has no header. */
  readonly headerLine: number | undefined
  readonly columns: readonly string[]
  readonly warnings: readonly string[]
}

export type DelimiterFrom = 'option' | 'sep= line' | 'content type' | 'content'

/** Maximum total length of the reported column names, in characters. An item of DynamoDB has no room for thousands of long names. */
const NAMES_LENGTH = 8 * 1024

export function reportToJson(report: TableReport): string {
  const { rows, badRows, dialect, delimiterFrom, lineEnds, headerLine, columns, warnings } = report
  const used = Object.entries(lineEnds).filter(([, count]) => count > 0)
  const json = {
    rows,
    badRows,
    dialect: {
      // A table of one column has no delimiter.
      delimiter: columns.length > 1 ? dialect.delimiter : null,
      delimiterFrom,
      quote: dialect.quote === '' ? null : dialect.quote,
      escape: dialect.quote === '' ? null : dialect.escape,
      skipInitialSpace: dialect.skipInitialSpace,
      lineEnd: used.length > 1 ? 'mixed' : (used[0]?.[0] ?? null),
    },
    headerLine: headerLine ?? null,
    columnCount: columns.length,
    columns: firstNames(columns),
    warnings,
  }
  return `${JSON.stringify(json, undefined, 2)}\n`
}

const NAMES_OF_DELIMITERS: Readonly<Record<string, string>> = {
  ',': 'commas',
  ';': 'semicolons',
  '\t': 'tabs',
  '|': 'vertical bars',
  ' ': 'spaces',
  ':': 'colons',
}

/** Returns a summary for the owner of the upload, in one line of less than 255 characters. */
export function noteOf({ rows, badRows, dialect, columns, warnings }: TableReport): string {
  const delimiters = NAMES_OF_DELIMITERS[dialect.delimiter] ?? JSON.stringify(dialect.delimiter)
  const shape = columns.length > 1 ? `${columns.length} columns between ${delimiters}` : '1 column'
  const bad = badRows > 0 ? ` ${badRows} more cannot be read: see bad-rows.json.` : ''
  const more = warnings.length > 0 ? ` Warnings: ${warnings.length}.` : ''
  return `${rows} ${rows === 1 ? 'row' : 'rows'} of ${shape}.${bad}${more}`
}

function firstNames(columns: readonly string[]): string[] {
  let length = 0
  const names: string[] = []
  for (const name of columns) {
    length += name.length
    if (length > NAMES_LENGTH) break
    names.push(name)
  }
  return names
}
