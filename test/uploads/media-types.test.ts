import t from 'tap'
import { detectType, HEAD_BYTES } from '../../services/uploads/media-types/detect-type.ts'
import { isSvg } from '../../services/uploads/media-types/is-svg.ts'
import { expectedMediaType, mediaTypeOf } from '../../services/uploads/media-types/media-type-of.ts'
import { declaredType } from '../../services/uploads/media-types/type-names.ts'

const bytes = {
  jpeg: Buffer.from('ffd8ffe000104a46494600010100000100010000ffdb0043', 'hex'),
  png: Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex'),
  zip: Buffer.from('504b0304140000000800', 'hex'),
  cfb: Buffer.from(`d0cf11e0a1b11ae1${'00'.repeat(600)}`, 'hex'),
  gzip: Buffer.from('1f8b08000000000000ff', 'hex'),
  pdf: Buffer.from('%PDF-1.7\n'),
  csv: Buffer.from('a,b\n1,2\n'),
  utf16: Buffer.from('\ufeffa,b\n', 'utf16le'),
  xml: Buffer.from('<?xml version="1.0"?><root/>'),
  svg: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
  html: Buffer.from('<!doctype html><p>'),
  noise: Buffer.from([1, 2, 3, 0, 200, 201]),
  none: Buffer.alloc(0),
} as const

type Row = readonly [of: keyof typeof bytes, declared: string, filename: string | undefined, mediaType: string]

const rows: readonly Row[] = [
  // The bytes decide first.
  ['jpeg', 'application/octet-stream', undefined, 'image/jpeg'],
  ['jpeg', 'text/plain', 'a.txt', 'image/jpeg'],
  ['jpeg', 'image/png', 'a.png', 'image/jpeg'],
  ['jpeg', 'application/x-www-form-urlencoded', 'a', 'image/jpeg'],
  ['jpeg', 'jpg', undefined, 'image/jpeg'],
  ['jpeg', '', undefined, 'image/jpeg'],
  ['png', 'image/x-png', 'a.png', 'image/png'],
  ['pdf', 'text/plain', 'a.txt', 'application/pdf'],
  ['pdf', 'application/octet-stream', 'a.ai', 'application/pdf'],
  // The bytes of a container do not show its contents, so the declared type or the extension decides.
  ['zip', 'application/vnd.oasis.opendocument.text', 'a', 'application/vnd.oasis.opendocument.text'],
  ['zip', '*/*', 'a.ods', 'application/vnd.oasis.opendocument.spreadsheet'],
  ['zip', 'application/x-zip-compressed', 'a.bin', 'application/zip'],
  ['zip', 'image/png', 'a.csv', 'application/zip'],
  ['cfb', 'application/vnd.ms-excel', 'a.xls', 'application/vnd.ms-excel'],
  ['cfb', 'application/octet-stream', 'a.doc', 'application/msword'],
  ['gzip', 'text/csv', 'a.csv', 'application/gzip'],
  ['xml', 'application/octet-stream', 'a.kml', 'application/vnd.google-earth.kml+xml'],
  ['xml', 'application/octet-stream', undefined, 'application/xml'],
  // Then the declared type decides, by any of its names.
  ['csv', 'text/csv; charset=utf-8', 'a.txt', 'text/csv'],
  ['csv', 'TEXT/X-CSV', undefined, 'text/csv'],
  ['csv', 'application/csv', undefined, 'text/csv'],
  ['csv', 'text/comma-separated-values', undefined, 'text/csv'],
  ['csv', 'application/vnd.ms-excel', 'report.csv', 'text/csv'],
  ['csv', 'application/vnd.ms-excel', undefined, 'text/csv'],
  ['csv', 'application/vnd.ms-excel', 'report.txt', 'text/csv'],
  ['csv', 'application/vnd.ms-excel', 'report.tsv', 'text/tab-separated-values'],
  ['csv', 'application/vnd.ms-excel', 'report.xls', 'application/vnd.ms-excel'],
  ['html', 'text/html', 'a.csv', 'text/html'],
  ['xml', 'text/plain', 'a.xml', 'text/plain'],
  ['csv', 'text/json', 'a', 'application/json'],
  ['utf16', 'text/csv', 'a', 'text/csv'],
  ['noise', 'text/csv', 'a', 'text/csv'],
  ['noise', 'application/x-thing', 'a.csv', 'application/x-thing'],
  // Then the extension decides.
  ['csv', 'text/plain', 'a.csv', 'text/csv'],
  ['csv', 'text/plain', 'a.TSV', 'text/tab-separated-values'],
  ['csv', 'text/plain', 'a.json', 'text/plain'],
  ['csv', 'text/plain', 'a.svg', 'text/plain'],
  ['csv', 'application/octet-stream', 'a.csv', 'text/csv'],
  ['utf16', 'application/octet-stream', 'a.csv', 'text/csv'],
  ['csv', 'binary/octet-stream', 'a.tab', 'text/tab-separated-values'],
  ['csv', 'application/unknown', 'a.md', 'text/markdown'],
  ['csv', 'application/x-download', 'a.log', 'text/plain'],
  ['csv', 'application/force-download', 'a.json', 'application/json'],
  ['csv', 'not a type', 'a.jsonl', 'application/x-ndjson'],
  ['csv', 'application/octet-stream', 'a.png', 'text/plain'],
  ['csv', 'application/octet-stream', 'a.rs', 'text/plain'],
  ['csv', 'application/octet-stream', 'a.ts', 'text/plain'],
  ['csv', 'application/octet-stream', 'a.bin', 'application/octet-stream'],
  ['noise', 'application/octet-stream', 'a.txt', 'text/plain'],
  ['noise', 'application/octet-stream', 'a.stl', 'model/stl'],
  ['noise', 'application/octet-stream', 'a.mp3', 'application/octet-stream'],
  ['none', 'application/octet-stream', 'a.csv', 'text/csv'],
  // Then it matters whether the bytes look like text.
  ['csv', 'application/octet-stream', undefined, 'text/plain'],
  ['csv', 'application/x-www-form-urlencoded', 'README', 'text/plain'],
  ['utf16', '', undefined, 'text/plain'],
  ['noise', '', undefined, 'application/octet-stream'],
  ['none', '', undefined, 'application/octet-stream'],
  // SVG is an image, unless it is declared as another text.
  ['svg', 'application/octet-stream', undefined, 'image/svg+xml'],
  ['svg', 'image/svg', undefined, 'image/svg+xml'],
  ['svg', 'image/png', undefined, 'image/svg+xml'],
  ['svg', 'text/xml', 'a.xml', 'image/svg+xml'],
  ['svg', 'text/plain', 'a.svg', 'text/plain'],
  ['svg', 'text/html', 'a.svg', 'text/html'],
]

t.test('finds the type by the bytes, then the declared type, then the extension', async t => {
  for (const [of, declared, filename, mediaType] of rows) {
    const found = await mediaTypeOf(bytes[of], { declared, filename })
    t.equal(found.mediaType, mediaType, `${of} as ${JSON.stringify(declared)} named ${filename}`)
  }
})

t.test('a file that only begins with the letters of a bitmap is no bitmap', async t => {
  const starting = (size: number) => {
    const head = Buffer.alloc(64, 7)
    head.write('BM')
    head.writeUInt32LE(size, 14)
    return head
  }
  for (const size of [0, 13, 125, 0x07070707]) t.equal(await detectType(starting(size)), undefined, `${size} bytes`)
  for (const size of [12, 16, 40, 56, 64, 108, 124])
    t.equal(await detectType(starting(size)), 'image/bmp', `${size} bytes`)
  t.equal(await detectType(starting(40).subarray(0, 17)), undefined, 'shorter than its header')
})

t.test('finds the type from the detected type of an event, the declared type and the name', async t => {
  const named = { declared: 'application/octet-stream', filename: 'a.txt' }
  t.strictSame(await expectedMediaType('image/jpeg', named), { mediaType: 'image/jpeg', typeSource: 'bytes' })
  t.strictSame(await expectedMediaType(undefined, named), { mediaType: 'text/plain', typeSource: 'filename' })
})

t.test('parses a declared type, and ignores a malformed one', async t => {
  for (const [contentType, type] of [
    ['image/pjpeg', 'image/jpeg'],
    [' Image/JPG ; q=1', 'image/jpeg'],
    ['image/jpeg, image/jpeg', 'image/jpeg'],
    ['text/csv;', 'text/csv'],
    ['image/*', undefined],
    ['*/*', undefined],
    ['*', undefined],
    ['csv', undefined],
    ['text/', undefined],
    ['undefined', undefined],
    [`${' '.repeat(100_000)}text/csv`, undefined],
    [`text/csv${' '.repeat(32_768)}!`, undefined],
  ] as const) {
    t.equal(declaredType(contentType), type, JSON.stringify(contentType.slice(0, 40)))
  }
})

t.test('detects an SVG by its root element', async t => {
  const doctype = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/x.dtd" [<!ENTITY a ">">]>'
  for (const text of [
    '<svg/>',
    '\ufeff \n<svg\n width="1">',
    `<?xml version="1.0"?>\n<!-- <html> -->\n${doctype}\n<svg:svg xmlns:svg="http://www.w3.org/2000/svg">`,
  ]) {
    t.ok(isSvg(Buffer.from(text)), text)
  }
  t.ok(isSvg(Buffer.from('\ufeff<svg/>', 'utf16le')))
  for (const text of ['', '<', 'a<svg/>', '<html><svg/></html>', '<!-- <svg/>', '<!DOCTYPE svg', '<?xml', '<svgx/>']) {
    t.notOk(isSvg(Buffer.from(text)), text)
  }
})

t.test('detects an SVG in time proportional to the first bytes', async t => {
  for (const part of ['<!---->', '<!--', '<??>', '<!DOCTYPE a[', '<!DOCTYPE a>', ' ', '<svg:', '<']) {
    const head = Buffer.from(part.repeat(HEAD_BYTES)).subarray(0, HEAD_BYTES)
    const at = performance.now()
    for (let index = 0; index < 100; index++) isSvg(head)
    t.ok(performance.now() - at < 1_000, part)
  }
})
