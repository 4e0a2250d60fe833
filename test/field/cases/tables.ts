import type { FieldCase } from '../field-case.ts'

/** CSV as programs and people write it. */
export const tables: readonly FieldCase[] = [
  {
    what: 'a CSV of RFC 4180 with quotes and a line end inside of a field',
    send: { filename: 'a.csv', contentType: 'text/csv', body: 'name,note\r\nAnn,"a ""b""\r\nc"\r\n' },
    expected: { rows: [{ name: 'Ann', note: 'a "b"\r\nc' }], further: [] },
  },
]
