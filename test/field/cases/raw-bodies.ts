import type { FieldCase } from '../field-case.ts'

/** Raw bodies, which are the file itself. */
export const rawBodies: readonly FieldCase[] = [
  {
    what: 'a raw body as curl --data-binary sends it',
    send: { filename: 'a.txt', contentType: 'application/x-www-form-urlencoded', body: 'hello' },
    expected: { stored: 'hello', text: 'HELLO', upload: { contentType: 'application/octet-stream' } },
  },
  {
    what: 'a raw body without a type',
    send: { filename: 'a.txt', body: 'hello' },
    expected: { stored: 'hello', text: 'HELLO' },
  },
  {
    what: 'what curl -d sends without a name',
    send: { contentType: 'application/x-www-form-urlencoded', body: '{"filename":"a.txt"}' },
    expected: { status: 415, problem: 'unsupported-media-type', detail: /curl -d/ },
  },
  {
    what: 'a raw body whose Content-Encoding is Identity',
    send: { filename: 'a.txt', contentType: 'text/plain', headers: { 'Content-Encoding': 'Identity' }, body: 'hello' },
    expected: { stored: 'hello', text: 'HELLO' },
  },
]
