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
        description: 'The character between fields, or \\t for a tab. Detected if omitted.',
      }),
    ),
    quote: Type.Optional(
      Type.Enum(['"', "'", ''], {
        description: 'The character around quoted fields. Empty: no field is quoted. Detected if omitted.',
      }),
    ),
    escape: Type.Optional(
      Type.Enum(['doubled', 'backslash'], {
        description: 'How a quote inside a quoted field is escaped. Detected if omitted.',
      }),
    ),
    header: Type.Optional(
      Type.Union([Type.Enum(['present', 'absent']), Type.Array(Type.String(), { minItems: 1, maxItems: 10_000 })], {
        description:
          'Whether a line of the file has the names of the columns. A list of names: no line has them. If omitted, the content type decides, and without a header parameter in it a header is present.',
      }),
    ),
    maxRowLength: Type.Integer({
      minimum: 1_024,
      maximum: 16 * 1024 ** 2,
      default: 1024 ** 2,
      description: 'Maximum length of a row, in characters.',
    }),
  },
  { additionalProperties: false },
)

type CsvOptions = Static<typeof csvOptions>

/**
 * Converts CSV with a header to newline-delimited JSON: one object for each row, with strings as values. Detects the dialect at the
 * start of the file, and reports it with the number of rows in the output `table.json`. Skips rows that can't be read, and reports
 * them with their lines in `bad-rows.json`. Refuses a file in which no row can be read.
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

/** Combines the options of the rule with the parameters of the content type. The options take precedence. */
function givenBy({ delimiter, header, ...options }: CsvOptions, type: MIMEType | undefined): GivenTable {
  const parameter = type?.params.get('header')?.toLowerCase()
  return {
    ...options,
    delimiter: delimiter === '\\t' ? '\t' : delimiter,
    header: header ?? (parameter === 'absent' || parameter === 'present' ? parameter : undefined),
    isTabType: type?.essence === 'text/tab-separated-values',
  }
}
