import type { FieldCase } from '../field-case.ts'

export const texts: readonly FieldCase[] = [
  {
    what: 'a text in windows-1252 that says so',
    send: {
      filename: 'a.txt',
      contentType: 'text/plain; charset=windows-1252',
      body: Buffer.from('caf\xe9 \x80', 'latin1'),
    },
    expected: { text: 'CAFÉ €' },
  },
]
