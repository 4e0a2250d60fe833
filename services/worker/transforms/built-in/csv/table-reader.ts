import { TransformError } from '../../../errors.ts'
import { type BadRows, createBadRows } from './bad-rows.ts'
import { RFC_4180 } from './dialect.ts'
import { type Head, headFirst } from './head.ts'
import { createToJson, type ToJson } from './header.ts'
import { type GivenTable, planTable, type TablePlan } from './plan-table.ts'
import { createRecordSplitter, type RecordSplitter, type Row, type Split } from './record-splitter.ts'
import type { TableReport } from './table-report.ts'

/** Minimum size of a chunk of JSON, except the last one, in UTF-16 units. */
const MIN_CHUNK = 64 * 1024

/** Reads one table. */
export interface TableReader {
  /** @throws TransformError if the file is not a table, can be read in more than one way, or has only bad rows */
  toNdjson(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array>
  readonly badRows: BadRows
  /** Returns the report. Call it after the whole table has been read. */
  report(): TableReport
}

export function createTableReader(given: GivenTable): TableReader {
  const badRows = createBadRows()
  let rows = 0
  let plan: TablePlan = { dialect: RFC_4180, delimiterFrom: 'content', firstLine: 1, hasRowNames: false, warnings: [] }
  let splitter: RecordSplitter = createRecordSplitter({ dialect: plan.dialect, maxLength: given.maxRowLength })
  let toJson: ToJson | undefined
  let headerLine: number | undefined

  function begin(head: Head): void {
    plan = planTable(head, given)
    splitter = createRecordSplitter({ dialect: plan.dialect, maxLength: given.maxRowLength })
    if (plan.names) toJson = createToJson(plan.names)
  }

  async function* toNdjson(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
    for await (const text of headFirst(texts, begin)) yield* convertAll(splitter.push(text))
    yield* convertAll(splitter.end())
    if (rows === 0 && badRows.first) {
      const { line, reason } = badRows.first
      const which = badRows.count === 1 ? 'The only row cannot' : `None of the ${badRows.count} rows can`
      throw new TransformError(`${which} be read. Line ${line}: ${reason}`)
    }
  }

  function* convertAll(pieces: Iterable<Split>): Generator<Uint8Array> {
    let json = ''
    for (const piece of pieces) {
      json += convert(piece)
      // Each row repeats the names of the columns, so the JSON of a piece of text may be a thousand times longer than the piece.
      if (json.length >= MIN_CHUNK) {
        yield Buffer.from(json)
        json = ''
      }
    }
    if (json !== '') yield Buffer.from(json)
  }

  /** Returns a row as a line of JSON. Returns an empty string for bad rows, the header and lines above it. */
  function convert(piece: Split): string {
    if (toJson) return 'fields' in piece ? convertRow(piece, toJson) : reject(piece.line, piece.reason)
    if (piece.line < plan.firstLine) return ''
    if ('reason' in piece) throw new TransformError(`The header in line ${piece.line} cannot be read: ${piece.reason}`)
    headerLine = piece.line
    toJson = createToJson(plan.hasRowNames ? ['', ...piece.fields] : piece.fields, { shortRow: plan.shortRow })
    return ''
  }

  function convertRow({ line, fields }: Row, toJson: ToJson): string {
    // If the columns have given names, the lines above the first row also arrive here.
    if (line < plan.firstLine) return ''
    const json = toJson(fields)
    if (json === undefined) {
      // A line of blanks counts as an empty line.
      if (fields.length === 1 && fields[0]?.trim() === '') return ''
      return reject(
        line,
        `The row has ${counted(fields.length, 'field')}, and the table ${counted(toJson.columns.length, 'column')}.`,
      )
    }
    rows++
    return json
  }

  function reject(line: number, reason: string): string {
    if (line >= plan.firstLine) badRows.add({ line, reason })
    return ''
  }

  function report(): TableReport {
    const { dialect, delimiterFrom, warnings } = plan
    const columns = toJson?.columns ?? []
    const empty =
      columns.length === 0 ? ['The file is empty.'] : rows === 0 ? ['The file has a header and no rows.'] : []
    return {
      rows,
      badRows: badRows.count,
      dialect,
      delimiterFrom,
      lineEnds: splitter.lineEnds,
      headerLine,
      columns,
      warnings: [...warnings, ...empty],
    }
  }

  return { toNdjson, badRows, report }
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
