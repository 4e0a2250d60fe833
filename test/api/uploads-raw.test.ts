import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import { startAws } from '../support/aws.ts'
import { ask, buildTestApi, createTestUser, isProblem, keyOf, NO_TRACES, readObject, type TestUser } from './support.ts'

type Body = NonNullable<RequestInit['body']>

const aws = await startAws(t)
const api = await buildTestApi(t, aws)

const post = (user: TestUser, query: string, headers: Record<string, string>, body?: Body) =>
  ask(`${api.url}/uploads${query}`, {
    method: 'POST',
    headers: { ...user.auth, ...headers },
    ...(body !== undefined && { body }),
    ...(body instanceof ReadableStream && { duplex: 'half' as const }),
  })

t.test('the body is the file, with the content type of the request', async t => {
  const user = await createTestUser(aws)
  for (const type of ['image/png', 'text/html; charset=iso-8859-1', 'application/json', 'Application/X-Mixed']) {
    const answer = await post(user, '?filename=a.bin', { 'content-type': type }, Buffer.from([0, 200, 3]))
    t.match(answer, { status: 200, body: { filename: 'a.bin', contentType: type, size: 3 } }, type)
    const { bytes, contentType } = await readObject(aws, keyOf(answer))
    t.same([...bytes], [0, 200, 3], type)
    t.equal(contentType, type, type)
  }
})

t.test('without a content type the file is an application/octet-stream', async t => {
  const user = await createTestUser(aws)
  const answer = await post(user, '?filename=a.bin', {}, Buffer.from('x'))
  t.match(answer, { status: 200, body: { contentType: 'application/octet-stream', size: 1 } })
})

t.test('curl’s form content type and an empty content type are ignored', async t => {
  const user = await createTestUser(aws)
  const types = ['application/x-www-form-urlencoded', 'Application/X-WWW-Form-Urlencoded; charset=UTF-8', '']
  for (const type of types) {
    const answer = await post(user, '?filename=a.txt', { 'content-type': type }, Buffer.from('a=1&b'))
    t.match(answer, { status: 200, body: { contentType: 'application/octet-stream', size: 5 } }, type)
    t.equal((await readObject(aws, keyOf(answer))).bytes.toString(), 'a=1&b')
  }
})

t.test('the content encoding identity is allowed in upper and lower case', async t => {
  const user = await createTestUser(aws)
  for (const encoding of ['identity', 'Identity', 'IDENTITY, identity', '', ' ', ',']) {
    const headers = { 'content-encoding': encoding, 'content-type': 'text/plain' }
    t.match(await post(user, '?filename=a.txt', headers, Buffer.from('x')), { status: 200 }, `raw: "${encoding}"`)
    const json = { ...headers, 'content-type': 'APPLICATION/JSON; Charset="UTF-8"' }
    t.match(await post(user, '', json, Buffer.from('{}')), { status: 200 }, `json: "${encoding}"`)
    const form = { ...headers, 'content-type': 'MULTIPART/FORM-DATA; Boundary=B' }
    const body = '--B\r\ncontent-disposition: Form-Data; Name=f; FileName=a.txt\r\n\r\nx\r\n--B--\r\n'
    t.match(await post(user, '', form, Buffer.from(body)), { status: 200 }, `form: "${encoding}"`)
  }
})

t.test('without a body the file is empty', async t => {
  const user = await createTestUser(aws)
  t.match(await post(user, '?filename=empty.bin', {}), { status: 200, body: { size: 0, filename: 'empty.bin' } })
})

t.test('a name with a comma, a plus, a percent and a question mark is kept unchanged', async t => {
  const user = await createTestUser(aws)
  const filename = 'a,b + 100% ?.txt'
  const answer = await post(user, `?filename=${encodeURIComponent(filename)}`, {}, 'x')
  t.match(answer, { status: 200, body: { filename } })
})

t.test('a file of several parts and of unknown length arrives byte for byte', async t => {
  const user = await createTestUser(aws)
  const bytes = randomBytes(20 * 1024 ** 2 + 1)
  const answer = await post(user, '?filename=big.bin', {}, new Blob([bytes]).stream())
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  t.match(answer, { status: 200, body: { size: bytes.length, sha256 } })
  t.ok((await readObject(aws, keyOf(answer))).bytes.equals(bytes))
})

t.test('a body that is neither JSON, nor a form, nor named gets 415 with the three upload formats', async t => {
  const user = await createTestUser(aws)
  const bodies: Array<[Record<string, string>, Body | undefined]> = [
    [{ 'content-type': 'text/plain' }, 'x'],
    [{ 'content-type': 'application/xml' }, '<a/>'],
    [{ 'content-type': 'application/jsonp' }, '{}'],
    [{}, Buffer.from('x')],
    [{}, undefined],
  ]
  for (const [headers, body] of bodies) {
    const answer = await post(user, '', headers, body)
    isProblem(t, answer, 415, 'unsupported-media-type')
    t.match(answer.body.detail, /application\/json.*multipart\/form-data.*\?filename=/)
  }
  t.same(await user.traces(), NO_TRACES)
})

t.test('an encoded body is rejected', async t => {
  const user = await createTestUser(aws)
  isProblem(t, await post(user, '?filename=a', { 'content-encoding': 'gzip' }, 'x'), 415, 'unsupported-media-type')
  t.same(await user.traces(), NO_TRACES)
})

t.test('an invalid content type is rejected', async t => {
  const user = await createTestUser(aws)
  const long = `text/plain; a=${'x'.repeat(300)}`
  isProblem(t, await post(user, '?filename=a', { 'content-type': long }, 'x'), 400, 'invalid-content-type')
  isProblem(t, await post(user, '?filename=a', { 'content-type': 'text' }, 'x'), 415, 'unsupported-media-type')
  t.same(await user.traces(), NO_TRACES)
})

t.test('two names are rejected', async t => {
  const user = await createTestUser(aws)
  isProblem(t, await post(user, '?filename=a&filename=b', {}, 'x'), 400, 'invalid-body')
  t.same(await user.traces(), NO_TRACES)
})
