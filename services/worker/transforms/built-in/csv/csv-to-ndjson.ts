import type { MIMEType } from 'node:util'
import { type Static, Type } from 'typebox'
import { parseMediaType } from '../../media-type.ts'
import type { Transform, TransformOutput } from '../../transform.ts'
import { decoderOf, decodeText } from '../decode-text.ts'
import { savedAs } from '../saved-as.ts'
import type { GivenTable } from './plan-table.ts'
import { createTableReader } from './table-reader.ts'
import { noteOf, reportToJson } from './table-report.ts'

export const csvOptions = Type.Object(
  {
    delimiter: Type.Optional(
      Type.String({
        pattern: '^(?:[^"\'\\r\\n]|\\\\t)$',
        description: 'What stands between fields: one character, or \\t for a tab. Left out: it is found.',
      }),
    ),
    quote: Type.Optional(
      Type.Enum(['"', "'", ''], {
        description: 'What stands around a field. Empty: nothing does. Left out: it is found.',
      }),
    ),
    escape: Type.Optional(
      Type.Enum(['doubled', 'backslash'], {
        description: 'How a quote is written inside of a quoted field. Left out: it is found.',
      }),
    ),
    header: Type.Optional(
      Type.Union([Type.Enum(['present', 'absent']), Type.Array(Type.String(), { minItems: 1, maxItems: 10_000 })], {
        description:
          'Whether a line names the columns. A list: none does, and these are the names. Left out: as the content type says, present where it says nothing.',
      }),
    ),
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
 * CSV with a header as newline-delimited JSON: an object a row, every value a string. How the file is written is found at its
 * start and reported, with the number of rows, in a further output `table.json`. Rows that cannot be read are left out and
 * reported, with their lines, in `bad-rows.json`. A file in which no row can be read is refused.
 */
export function createCsvTransform(options: CsvOptions): Transform {
  return {
    name: 'csv-to-ndjson',
    version: '2',
    async *apply(input, { upload }) {
      const type = parseMediaType(upload.contentType)
      const table = createTableReader(givenBy(options, type))
      yield {
        contentType: 'application/x-ndjson',
        filename: savedAs(upload.filename.replace(/\.(?:csv|tsv|tab|txt)$/i, ''), '.ndjson'),
        body: table.toNdjson(decodeText(input, decoderOf(type))),
      }
      const report = table.report()
      yield { ...json('table.json', reportToJson(report)), note: noteOf(report) }
      if (table.badRows.count > 0) yield json('bad-rows.json', table.badRows.toJson(report.rows))
    },
  }
}

function json(name: string, text: string): TransformOutput {
  return { name, contentType: 'application/json', body: [Buffer.from(text)] }
}

/** What the rule says counts before what the client says of a file. */
function givenBy({ delimiter, header, ...options }: CsvOptions, type: MIMEType | undefined): GivenTable {
  const parameter = type?.params.get('header')?.toLowerCase()
  return {
    ...options,
    delimiter: delimiter === '\\t' ? '\t' : delimiter,
    header: header ?? (parameter === 'absent' || parameter === 'present' ? parameter : undefined),
    isTabType: type?.essence === 'text/tab-separated-values',
  }
}
