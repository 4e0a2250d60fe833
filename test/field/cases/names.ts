import type { FieldCase } from '../field-case.ts'

/** Names that files have. */
export const names: readonly FieldCase[] = [
  {
    what: 'a name in Japanese with blanks',
    send: { filename: '見積 書.txt', contentType: 'text/plain', body: 'hi' },
    expected: { text: 'HI', upload: { filename: '見積 書.txt' } },
  },
]
