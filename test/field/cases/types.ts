import sharp from 'sharp'
import type { FieldCase } from '../field-case.ts'

/** Content types and filenames that clients send, and the expected result. */
const jpeg = await sharp({ create: { width: 64, height: 40, channels: 3, background: '#c81e1e' } })
  .jpeg()
  .toBuffer()
const csv = 'a,b\n1,2\n'
const rows = [{ a: '1', b: '2' }]
/** The entries that describe the pixels of the TIFF come after the first bytes that the api inspects. */
const tiff = await sharp({ create: { width: 64, height: 40, channels: 3, background: '#c81e1e' } })
  .tiff({ compression: 'none' })
  .toBuffer()

/** A form with one file. */
function form(filename: string, type: string | undefined, content: string | Uint8Array): FieldCase['send'] {
  const header = type === undefined ? '' : `Content-Type: ${type}\r\n`
  const head = `--x\r\nContent-Disposition: form-data; name="file"; filename="${filename}"\r\n${header}\r\n`
  return {
    contentType: 'multipart/form-data; boundary=x',
    body: Buffer.concat([Buffer.from(head), Buffer.from(content), Buffer.from('\r\n--x--\r\n')]),
  }
}

const thumbnail = { transform: 'image', image: [64, 40] } as const

const pictures: readonly FieldCase[] = [
  ...['image/jpg', 'image/pjpeg', 'image/png', 'application/octet-stream', '*/*', 'application/force-download'].map(
    (type): FieldCase => ({
      what: `a JPEG in a form, called ${type}`,
      send: form('p.jpg', type, jpeg),
      expected: { ...thumbnail, upload: { contentType: type, detectedType: 'image/jpeg' } },
    }),
  ),
  ...['binary/octet-stream', 'application/unknown', undefined].map(
    (type): FieldCase => ({
      what: `a JPEG in a raw body, called ${type ?? 'nothing'}`,
      send: { filename: 'photo', ...(type !== undefined && { contentType: type }), body: jpeg },
      expected: thumbnail,
    }),
  ),
  ...['scan.tiff', 'scan'].map(
    (filename): FieldCase => ({
      what: `a TIFF in a raw body that is called application/octet-stream and named ${filename}`,
      send: { filename, contentType: 'application/octet-stream', body: tiff },
      expected: thumbnail,
    }),
  ),
  {
    what: 'a JPEG in a raw body that is named like a text',
    send: { filename: 'photo.txt', contentType: 'application/octet-stream', body: jpeg },
    expected: thumbnail,
  },
  {
    what: 'a JPEG by tus without metadata',
    send: { tusMetadata: '', body: jpeg },
    expected: { ...thumbnail, upload: { filename: /^file-\d+\.txt$/, filenameGenerated: true } },
  },
  {
    what: 'a JPEG by tus with an empty file name',
    send: { tusMetadata: 'filename ', body: jpeg },
    expected: { ...thumbnail, upload: { filenameGenerated: true } },
  },
]

const tables: readonly FieldCase[] = [
  ...[
    'application/vnd.ms-excel',
    'application/octet-stream',
    'application/csv',
    'text/x-csv',
    'text/comma-separated-values',
    'text/plain',
    'application/x-download',
    '*/*',
  ].map(
    (type): FieldCase => ({
      what: `a CSV in a form, called ${type}`,
      send: form('r.csv', type, csv),
      expected: { transform: 'csv-to-ndjson', rows },
    }),
  ),
  {
    what: 'a CSV in a form without a type',
    send: form('R.CSV', undefined, csv),
    expected: { transform: 'csv-to-ndjson', rows },
  },
  {
    what: 'a CSV in JSON',
    send: { contentType: 'application/json', body: JSON.stringify({ filename: 'r.csv', content: csv }) },
    expected: { transform: 'csv-to-ndjson', rows },
  },
  {
    what: 'a CSV by tus whose type says nothing',
    send: { tusMetadata: `filename ${Buffer.from('r.csv').toString('base64')},filetype`, body: csv },
    expected: { transform: 'csv-to-ndjson', rows },
  },
  {
    what: 'a CSV that is called one and named otherwise',
    send: { filename: 'r.txt', contentType: 'TEXT/CSV;header=present', body: csv },
    expected: { transform: 'csv-to-ndjson', rows },
  },
]

const byCurl: readonly FieldCase[] = [
  {
    what: 'a JPEG as curl sends it by itself',
    send: { filename: 'photo', contentType: 'application/x-www-form-urlencoded', body: jpeg },
    expected: thumbnail,
  },
  {
    what: 'a CSV as curl sends it by itself',
    send: { filename: 'r.csv', contentType: 'application/x-www-form-urlencoded', body: csv },
    expected: { transform: 'csv-to-ndjson', rows },
  },
  {
    what: 'a text as curl sends it by itself',
    send: { filename: 'a', contentType: 'application/x-www-form-urlencoded', body: 'hi' },
    expected: {
      transform: 'upper-case',
      text: 'HI',
      upload: { outputs: [{ contentType: 'text/plain;charset=utf-8' }] },
    },
  },
]

const tabs: readonly FieldCase[] = [
  ['text/tab-separated-values', 'a.txt'],
  ['text/tsv', 'a'],
  ['application/octet-stream', 'a.tsv'],
  ['text/plain', 'a.tab'],
  ['application/vnd.ms-excel', 'a.tsv'],
].map(
  ([contentType = '', filename = '']): FieldCase => ({
    what: `a table with tabs, called ${contentType} and named ${filename}`,
    send: { filename, contentType, body: 'a\tb\n1\t2\n' },
    expected: { transform: 'csv-to-ndjson', rows },
  }),
)

const texts: readonly FieldCase[] = [
  ...['a.txt', 'a.log', 'a.md', 'README', 'a.ts', 'a.rs'].map(
    (filename): FieldCase => ({
      what: `a text called some bytes and named ${filename}, in a form`,
      send: form(filename, 'application/octet-stream', 'hi'),
      expected: { transform: 'upper-case', text: 'HI' },
    }),
  ),
  {
    what: 'a text by tus without metadata',
    send: { tusMetadata: '', body: 'hi' },
    expected: { transform: 'upper-case', text: 'HI', upload: { filenameGenerated: true } },
  },
  {
    what: 'JSON without a name',
    send: { contentType: 'application/json', body: '{"content":"hi"}' },
    expected: { transform: 'upper-case', text: 'HI', upload: { filenameGenerated: true } },
  },
  {
    what: 'JSON with a name',
    send: { contentType: 'application/json', body: '{"filename":"a.txt","content":"hi"}' },
    expected: { transform: 'upper-case', text: 'HI', upload: { filename: 'a.txt', filenameGenerated: undefined } },
  },
]

const others: readonly FieldCase[] = [
  ['a.json', '{"a":1}'],
  ['a.bin', 'abc'],
  ['a.zip', Buffer.from('504b0506000000000000000000000000000000000000', 'hex')],
  ['a.docx', Buffer.from('504b0304140000000800', 'hex')],
  // Both start like other formats: the animation like a text in UTF-16, the Targa picture like a Windows cursor.
  ['a.fli', Buffer.from('fffe000011af0a00400064000800030046000000'.padEnd(256, '0'), 'hex')],
  ['a.tga', Buffer.from('0000020000000000000000000200020018000000ff0000ff0000ff0000ff', 'hex')],
  ['a.csv', Buffer.from('1f8b08000000000000ff4b04002f5fd9e301000000', 'hex')],
].map(
  ([filename, body]): FieldCase => ({
    what: `bytes of ${filename} that no other transform accepts`,
    send: { filename: String(filename), contentType: 'application/octet-stream', body: body ?? '' },
    expected: { transform: 'digest' },
  }),
)

const refused: readonly FieldCase[] = [
  {
    what: 'an invalid content type in a form',
    send: form('a.jpg', 'jpg', jpeg),
    expected: { status: 400, problem: 'invalid-content-type', detail: /"jpg" is not a media type such as/ },
  },
]

export const types: readonly FieldCase[] = [
  ...pictures,
  ...tables,
  ...byCurl,
  ...tabs,
  ...texts,
  ...others,
  ...refused,
  {
    what: 'a text called some bytes and named like a text',
    send: { filename: 'a.txt', contentType: 'application/octet-stream', body: 'hi' },
    expected: { transform: 'upper-case', text: 'HI' },
  },
]
