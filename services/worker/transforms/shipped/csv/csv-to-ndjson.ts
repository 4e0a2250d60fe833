import { parse } from 'csv-parse/sync'
import { type Static, Type } from 'typebox'
import { TransformError } from '../../../errors.ts'
import { parseMediaType } from '../../media-type.ts'
import type { Transform } from '../../transform.ts'
import { decoderOf, decodeText } from '../decode-text.ts'
import { savedAs } from '../saved-as.ts'
import { type BadRows, createBadRows } from './bad-rows.ts'
import { headerOf, type ToJson } from './header.ts'
import { createRecordSplitter, type RawRecord, type RecordSplitter, type Split } from './record-splitter.ts'

export const csvOptions = Type.Object(
  {
    delimiter: Type.String({
      pattern: '^[^"\\r\\n]$',
      default: ',',
      description: 'What stands between fields: one character.',
    }),
    maxRowLength: Type.Integer({
      minimum: 1_024,
      maximum: 16 * 1024 ** 2,
      default: 1024 ** 2,
      description: 'The longest row, in characters.',
    }),
  },
  { additionalProperties: false },
)

type CsvOptions = Static<typeof csvOptions>

/**
 * CSV (RFC 4180) with a header as newline-delimited JSON: an object a row, every value a string. Rows that cannot be read are
 * left out and told, with their lines, in a further output `bad-rows.json`. A file in which no row can be read is refused.
 */
export function createCsvTransform(options: CsvOptions): Transform {
  return {
    name: 'csv-to-ndjson',
    version: '1',
    async *apply(input, { upload }) {
      const bad = createBadRows()
      const state = { rows: 0 }
      const decoder = decoderOf(parseMediaType(upload.contentType))
      const filename = savedAs(upload.filename.replace(/\.(?:csv|txt)$/i, ''), '.ndjson')
      yield {
        contentType: 'application/x-ndjson',
        filename,
        body: toNdjson(decodeText(input, decoder), { ...options, bad, state }),
      }
      if (bad.count > 0) {
        const body = [Buffer.from(bad.toJson(state.rows))]
        yield { name: 'bad-rows.json', contentType: 'application/json', body }
      }
    },
  }
}

interface Reading extends CsvOptions {
  bad: BadRows
  state: { rows: number }
}

async function* toNdjson(texts: AsyncIterable<string>, reading: Reading): AsyncGenerator<Uint8Array> {
  const { delimiter, maxRowLength: maxLength, bad, state } = reading
  const splitter = createRecordSplitter({ delimiter, maxLength })
  let toJson: ToJson | undefined

  /** The rows of a piece of the text as JSON, good or bad in their order. The first of the file names the columns. */
  function convert(pieces: readonly Split[]): string {
    const rows = read(
      pieces.filter(piece => 'text' in piece),
      delimiter,
    )[Symbol.iterator]()
    let json = ''
    for (const piece of pieces) {
      const row = 'text' in piece ? rows.next().value : undefined
      if (toJson) json += convertRow(piece, row, toJson)
      else if ('reason' in piece) throw new TransformError(`The header cannot be read: ${piece.reason}`)
      else toJson = headerOf(row ?? [])
    }
    return json
  }

  function convertRow(piece: Split, row: readonly string[] | undefined, toJson: ToJson): string {
    const object = row && toJson(row)
    if (object === undefined) {
      const reason = 'reason' in piece ? piece.reason : `The row has ${row?.length} fields, not ${toJson.columns}.`
      bad.add({ line: piece.line, reason })
      return ''
    }
    state.rows++
    return object
  }

  for await (const pieces of splits(texts, splitter)) {
    const json = convert([...pieces])
    if (json !== '') yield Buffer.from(json)
  }
  if (state.rows === 0 && bad.first) {
    const { line, reason } = bad.first
    throw new TransformError(`None of the ${bad.count} rows can be read. Line ${line}: ${reason}`)
  }
}

async function* splits(texts: AsyncIterable<string>, splitter: RecordSplitter): AsyncGenerator<Iterable<Split>> {
  let isFirst = true
  for await (const text of texts) {
    // A byte order mark is no part of the first column's name.
    yield splitter.push(isFirst && text.startsWith('\ufeff') ? text.slice(1) : text)
    isFirst = false
  }
  yield splitter.end()
}

/** The fields of rows that are known to be well-formed. */
function read(records: readonly RawRecord[], delimiter: string): string[][] {
  if (records.length === 0) return []
  const text = `${records.map(record => record.text).join('\n')}\n`
  const rows = parse(text, { delimiter, record_delimiter: ['\n'], relax_column_count: true, max_record_size: 0 })
  if (rows.length !== records.length) {
    throw new TransformError(`The rows from line ${records[0]?.line} on are read in two ways.`)
  }
  return rows
}
