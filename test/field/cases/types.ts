import type { FieldCase } from '../field-case.ts'

/** What clients call a file, and what has to be made of it. */
export const types: readonly FieldCase[] = [
  {
    what: 'a text called some bytes and named like a text',
    send: { filename: 'a.txt', contentType: 'application/octet-stream', body: 'hi' },
    expected: { transform: 'upper-case', text: 'HI' },
  },
]
