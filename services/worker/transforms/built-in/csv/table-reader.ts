import { TransformError } from '../../../errors.ts'
import { type BadRows, createBadRows } from './bad-rows.ts'
import { RFC_4180 } from './dialect.ts'
import { type Head, headFirst } from './head.ts'
import { createToJson, type ToJson } from './header.ts'
import { type GivenTable, planTable, type TablePlan } from './plan-table.ts'
import { createRecordSplitter, type RecordSplitter, type Row, type Split } from './record-splitter.ts'
import type { TableReport } from './table-report.ts'

/** The JSON after which a chunk is given out, in UTF-16 units. */
const WRITTEN_AT_ONCE = 64 * 1024

/** Reads one table. */
export interface TableReader {
  /** @throws TransformError for a file that is no table, or may be read in more than one way, or has no row that can be read */
  toNdjson(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array>
  readonly badRows: BadRows
  /** What is known of the table once all of it is read. */
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
      // Each row repeats the names of the columns: what a piece of the text becomes may be a thousand times as long.
      if (json.length >= WRITTEN_AT_ONCE) {
        yield Buffer.from(json)
        json = ''
      }
    }
    if (json !== '') yield Buffer.from(json)
  }

  /** Returns a row as a line of JSON, empty for a bad row, for the header and for what stands above it. */
  function convert(piece: Split): string {
    if (toJson) return 'fields' in piece ? convertRow(piece, toJson) : reject(piece.line, piece.reason)
    if (piece.line < plan.firstLine) return ''
    if ('reason' in piece) throw new TransformError(`The header in line ${piece.line} cannot be read: ${piece.reason}`)
    headerLine = piece.line
    toJson = createToJson(plan.hasRowNames ? ['', ...piece.fields] : piece.fields, { shortRow: plan.shortRow })
    return ''
  }

  function convertRow({ line, fields }: Row, toJson: ToJson): string {
    // Only where the columns are given without a header, lines above the first row are still to come.
    if (line < plan.firstLine) return ''
    const json = toJson(fields)
    if (json === undefined) {
      // A line of blanks is as good as an empty one.
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
