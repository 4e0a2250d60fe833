import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { judgeType } from '../../../services/api/content/type-policy.ts'
import { detectType, looksLikeText, looksLikeUtf16 } from '../../../services/uploads/media-types/detect-type.ts'
import { startAws } from '../../support/aws.ts'
import { sendEndless } from '../endless-request.ts'
import { form } from '../form.ts'
import {
  ask,
  buildTestApi,
  createTestUser,
  isProblem,
  NO_TRACES,
  postJson,
  type TestApi,
  type TestUser,
} from '../support.ts'

const exe = readFileSync(process.execPath).subarray(0, 8_192)
const png: Buffer<ArrayBuffer> = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
const pdf = Buffer.from('%PDF-1.7\n1 0 obj\n<<>>\nendobj\n')
const gzip = gzipSync('hello')

/** Returns the first bytes of an archive with one stored entry. */
function zip(name: string, content: string): Buffer<ArrayBuffer> {
  const head = Buffer.alloc(30)
  head.write('PK\x03\x04', 'latin1')
  head.writeUInt16LE(20, 4)
  head.writeUInt32LE(content.length, 18)
  head.writeUInt32LE(content.length, 22)
  head.writeUInt16LE(name.length, 26)
  return Buffer.concat([head, Buffer.from(name + content), Buffer.from('PK\x05\x06'.padEnd(22, '\0'), 'latin1')])
}

const archive = zip('a.txt', 'hello')
const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'
const docx = zip('[Content_Types].xml', `<Types><Override ContentType="${DOCX}.main+xml"/></Types>`)

t.test(
  'a type is detected by the first bytes, and a text is not mistaken for a binary type by two letters',
  async t => {
    const cases: Array<[string, Uint8Array, string | undefined]> = [
      ['a program', exe, process.platform === 'linux' ? 'application/x-elf' : undefined],
      ['a picture', png, 'image/png'],
      ['a PDF of text', pdf, 'application/pdf'],
      ['an archive', archive, 'application/zip'],
      ['a document in an archive', docx, DOCX],
      ['a gzip', gzip, 'application/gzip'],
      ['text that begins like a bitmap', Buffer.from('BMW builds cars. '.repeat(20)), undefined],
      ['text that begins like a program', Buffer.from('MZ is a key. '.repeat(20)), undefined],
      ['text', Buffer.from('hello'), undefined],
      ['text in Latin-1', Buffer.from('Größe '.repeat(100), 'latin1'), undefined],
      ['nothing', Buffer.alloc(0), undefined],
      ['zeros', Buffer.alloc(8_192), undefined],
    ]
    for (const [name, bytes, type] of cases) {
      if (name === 'a program' && type === undefined) continue
      t.equal(await detectType(bytes), type, name)
    }
    t.ok(looksLikeText(Buffer.from('a\tb\r\n\f\x1b[0m – 写真')))
    t.notOk(looksLikeText(Buffer.from('a\0b')))
    const inText = Array.from({ length: 256 }, (_, code) => code).filter(code =>
      looksLikeText(Uint8Array.of(65, code, 66)),
    )
    t.strictSame(inText.slice(0, 6), [9, 10, 12, 13, 27, 32])
    t.equal(inText.length, 5 + 224, 'all from the space on')
    t.ok(looksLikeUtf16(Buffer.from('\ufeffGröße\r\n写真', 'utf16le')))
    t.ok(looksLikeUtf16(Buffer.from('\ufeffGröße', 'utf16le').swap16()))
    for (const bytes of ['', 'fffe00001000', 'feff00000010', 'ff', 'fe00', '61006200']) {
      t.notOk(looksLikeUtf16(Buffer.from(bytes, 'hex')), bytes)
    }
  },
)

const judged: Array<[claimed: string, detected: string | undefined, verdict: string]> = [
  ['text/plain', undefined, 'accepted'],
  ['text/plain; charset=utf-8', 'application/x-elf', 'contradicted'],
  ['text/plain', 'application/x-msdownload', 'contradicted'],
  ['text/csv', 'application/zip', 'contradicted'],
  ['text/html', 'image/png', 'contradicted'],
  ['application/json', 'application/pdf', 'contradicted'],
  ['application/ld+json', 'application/gzip', 'contradicted'],
  ['text/html', 'application/xml', 'accepted'],
  ['text/rtf', 'application/rtf', 'accepted'],
  ['image/svg+xml', 'application/xml', 'accepted'],
  ['IMAGE/PNG', 'image/png', 'accepted'],
  ['image/png', undefined, 'accepted'],
  ['image/png', 'image/jpeg', 'accepted'],
  ['image/png', 'application/zip', 'contradicted'],
  ['image/png', 'application/x-msdownload', 'contradicted'],
  ['image/x-unknown', 'application/pdf', 'contradicted'],
  ['image/svg+xml', 'application/x-elf', 'contradicted'],
  ['video/mp4', 'audio/mp4', 'accepted'],
  ['audio/ogg', 'application/ogg', 'accepted'],
  ['video/mp4', 'image/png', 'contradicted'],
  ['font/woff2', 'application/zip', 'contradicted'],
  ['application/pdf', 'application/zip', 'contradicted'],
  ['application/pdf', 'application/x-elf', 'contradicted'],
  ['application/pdf', 'application/pdf', 'accepted'],
  ['application/zip', DOCX, 'accepted'],
  [DOCX, 'application/zip', 'accepted'],
  [DOCX, 'application/x-cfb', 'accepted'],
  ['application/vnd.ms-excel', 'application/x-cfb', 'accepted'],
  ['application/vnd.ms-excel', 'application/zip', 'accepted'],
  ['application/msword', 'application/x-cfb', 'accepted'],
  ['application/epub+zip', 'application/zip', 'accepted'],
  ['application/zip', 'application/x-msdownload', 'contradicted'],
  ['application/x-zip-compressed', 'application/zip', 'accepted'],
  ['application/x-gzip', 'application/gzip', 'accepted'],
  ['application/vnd.acme.thing', 'application/zip', 'accepted'],
  ['application/octet-stream', 'application/x-msdownload', 'accepted'],
  ['application/x-dosexec', 'application/x-msdownload', 'accepted'],
]

t.test('a certain type contradicts the claim, and another name of the same type does not', async t => {
  for (const [claimed, detected, verdict] of judged) {
    t.equal(judgeType({ claimed, detected }, []), verdict, `${detected} called ${claimed}`)
  }
})

t.test('a text contradicts a type that is never text', async t => {
  const verdict = (claimed: string, isPlainText = true) => judgeType({ claimed, detected: undefined, isPlainText }, [])
  for (const claimed of ['image/png', 'IMAGE/JPEG', 'image/webp', 'application/pdf', 'application/zip', 'video/mp4']) {
    t.equal(verdict(claimed), 'contradicted', claimed)
    t.equal(verdict(claimed, false), 'accepted', `${claimed}, not a text`)
  }
  for (const claimed of [
    'image/svg+xml',
    'image/x-portable-pixmap',
    'audio/x-mpegurl',
    'application/vnd.acme',
    'text/csv',
  ])
    t.equal(verdict(claimed), 'accepted', claimed)
})

const allowedJudged: Array<[allowed: string[], claimed: string, detected: string | undefined, verdict: string]> = [
  [['image/*'], 'image/png', 'image/png', 'accepted'],
  [['image/*'], 'application/octet-stream', 'image/png', 'accepted'],
  [['image/*'], 'image/png', undefined, 'not-allowed'],
  [['image/*'], 'application/pdf', 'application/pdf', 'not-allowed'],
  [['image/*'], 'application/octet-stream', undefined, 'not-allowed'],
  [['image/*'], 'text/html', undefined, 'not-allowed'],
  [['image/jpeg'], 'image/jpeg', 'image/png', 'not-allowed'],
  [['text/plain'], 'text/plain', undefined, 'accepted'],
  [['text/*'], 'text/csv; charset=utf-8', undefined, 'accepted'],
  [[DOCX], DOCX, 'application/zip', 'accepted'],
  [[DOCX], 'application/zip', 'application/zip', 'not-allowed'],
  [['application/vnd.acme'], 'application/vnd.acme', 'application/zip', 'not-allowed'],
  [['application/vnd.acme'], 'application/vnd.acme', undefined, 'accepted'],
  [['*/*'], 'image/png', 'image/png', 'accepted'],
]

t.test('with a list of types the bytes decide, and a claim that they do not support is ignored', async t => {
  for (const [allowed, claimed, detected, verdict] of allowedJudged) {
    t.equal(judgeType({ claimed, detected }, allowed), verdict, `${detected} called ${claimed}, ${allowed} allowed`)
  }
})

const aws = await startAws(t)

type Send = (api: TestApi, user: TestUser, type: string, bytes: Buffer<ArrayBuffer>) => ReturnType<typeof ask>

const raw: Send = (api, user, type, body) =>
  ask(`${api.url}/uploads?filename=a`, { method: 'POST', headers: { ...user.auth, 'content-type': type }, body })

const formats: Record<string, Send> = {
  raw,
  multipart: (api, user, type, value) => {
    const { body, headers } = form([{ name: 'file', filename: 'a', type, value }])
    return ask(`${api.url}/uploads`, { method: 'POST', headers: { ...user.auth, ...headers }, body })
  },
}

t.test('a file that contradicts its content type is rejected, and nothing is stored', async t => {
  const api = await buildTestApi(t, aws)
  for (const [format, send] of Object.entries(formats)) {
    const user = await createTestUser(aws)
    const long = Buffer.concat([archive, Buffer.alloc(12 * 1024 ** 2)])
    for (const bytes of [archive, long]) {
      isProblem(t, await send(api, user, 'text/plain', bytes), 415, 'content-type-contradicted', format)
    }
    t.same(await user.traces(), NO_TRACES, format)
    for (const type of ['image/png', 'application/pdf']) {
      isProblem(t, await send(api, user, type, Buffer.from('<p>hello')), 415, 'content-type-contradicted', format)
    }
    t.same(await user.traces(), NO_TRACES, format)
    t.equal((await send(api, user, 'image/png', Buffer.alloc(0))).status, 200, `${format}: an empty file shows no type`)
    const late = Buffer.from('made by a printer\n%PDF-1.7\n')
    t.equal((await send(api, user, 'application/pdf', late)).status, 200, `${format}: a PDF may begin late`)
    const answer = await send(api, user, DOCX, Buffer.from(docx))
    t.match(answer, { status: 200, body: { contentType: DOCX, detectedType: DOCX } }, format)
    const shown = await ask(`${api.url}${answer.headers.get('location')}`, { headers: user.auth })
    t.match(shown.body, { detectedType: DOCX }, 'and its owner sees what it is')
    t.match(await send(api, user, 'application/octet-stream', Buffer.from(png)), {
      body: { detectedType: 'image/png' },
    })
    t.notOk('detectedType' in (await send(api, user, 'text/plain', Buffer.from('hello'))).body)
  }
})

t.test('a JSON upload must be text', async t => {
  const api = await buildTestApi(t, aws)
  const user = await createTestUser(aws)
  isProblem(t, await postJson(api, user, { content: archive.toString('latin1') }), 415, 'content-type-contradicted')
  t.same(await user.traces(), NO_TRACES)
  const bitmap = `BM${'\0'.repeat(12)}\x28\0\0\0`
  t.match(await postJson(api, user, { content: bitmap }), { status: 415 })
  t.match(await postJson(api, user, { content: 'BMW' }), { status: 200 })
})

t.test('with ALLOWED_TYPES only those types are accepted, by their bytes', async t => {
  const api = await buildTestApi(t, aws, { env: { ALLOWED_TYPES: 'image/*, text/plain' } })
  for (const [format, send] of Object.entries(formats)) {
    const user = await createTestUser(aws)
    for (const [type, bytes] of [
      ['application/pdf', pdf],
      ['image/png', Buffer.from('hello')],
      ['text/html', Buffer.from('<p>')],
    ] as const) {
      isProblem(
        t,
        await send(api, user, type, Buffer.from(bytes)),
        415,
        'content-type-not-allowed',
        `${format}: ${type}`,
      )
    }
    t.same(await user.traces(), NO_TRACES, format)
    t.equal((await send(api, user, 'image/png', Buffer.from(png))).status, 200)
    t.equal((await send(api, user, 'text/plain', Buffer.from('hello'))).status, 200)
  }
})

t.test('a text is allowed by its real type, even if Windows or curl send another', async t => {
  const user = await createTestUser(aws)
  const table = Buffer.from('a,b\n1,2\n')
  const tables = await buildTestApi(t, aws, { env: { ALLOWED_TYPES: 'text/csv' } })
  t.equal((await raw(tables, user, 'application/vnd.ms-excel', table)).status, 200)
  t.equal((await raw(tables, user, 'application/csv', table)).status, 200)
  t.equal((await raw(tables, user, 'text/plain', table)).status, 415, 'what it is cannot be seen')
  const texts = await buildTestApi(t, aws, { env: { ALLOWED_TYPES: 'text/plain' } })
  for (const type of ['application/octet-stream', 'application/x-www-form-urlencoded']) {
    t.equal((await raw(texts, user, type, table)).status, 200, type)
    t.equal((await raw(texts, user, type, Buffer.from([0, 1, 2, 3]))).status, 415, `${type} of bytes`)
  }
})

t.test('an endless body of the wrong type is rejected after its first bytes', async t => {
  const api = await buildTestApi(t, aws)
  const user = await createTestUser(aws)
  const answer = await sendEndless(
    `${api.url}/uploads?filename=a`,
    { ...user.auth, 'content-type': 'text/plain' },
    archive,
  )
  t.match(answer, { status: 415, connection: 'close' })
  t.ok(answer.sent < 10 * 1024 ** 2, `${answer.sent} bytes were sent`)
  t.same(await user.traces(), NO_TRACES)
})
