import { type Static, Type } from 'typebox'
import { TransformError } from '../../../errors.ts'
import { parseMediaType } from '../../media-type.ts'
import type { Transform } from '../../transform.ts'
import { decoderOf, decodeText } from '../decode-text.ts'
import { savedAs } from '../saved-as.ts'
import { type BadRows, createBadRows } from './bad-rows.ts'
import { fieldsOf } from './fields.ts'
import { headerOf, type ToJson } from './header.ts'
import { createRecordSplitter, type RecordSplitter, type Split } from './record-splitter.ts'

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

/** The JSON after which a chunk is given out, in UTF-16 units. */
const WRITTEN_AT_ONCE = 64 * 1024

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

  /** Returns a row as a line of JSON, empty for a bad row and for the header, which is the first row of the file. */
  function convert(piece: Split): string {
    const row = 'text' in piece ? fieldsOf(piece.text, delimiter) : undefined
    if (toJson) return convertRow(piece, row, toJson)
    if ('reason' in piece) throw new TransformError(`The header cannot be read: ${piece.reason}`)
    toJson = headerOf(row ?? [])
    return ''
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
