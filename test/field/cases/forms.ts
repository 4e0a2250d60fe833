import type { FieldCase } from '../field-case.ts'

const lines = (...parts: string[]) => parts.join('\r\n')

/** Whole bodies of `multipart/form-data`, as clients write them. */
export const forms: readonly FieldCase[] = [
  {
    what: 'a form of one file as curl writes it',
    send: {
      contentType: 'multipart/form-data; boundary=------------------------d74496d66958873e',
      body: lines(
        '--------------------------d74496d66958873e',
        'Content-Disposition: form-data; name="file"; filename="a.txt"',
        'Content-Type: text/plain',
        '',
        'hello',
        '--------------------------d74496d66958873e--',
        '',
      ),
    },
    expected: { stored: 'hello', text: 'HELLO', upload: { filename: 'a.txt' } },
  },
]
