import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import { startAws } from '../../support/aws.ts'
import { ask, buildTestApi, createTestUser, NO_TRACES, readObject } from '../support.ts'
import { base64, sha256Of, tusClient, uploadIdOf } from './client.ts'

const MIB = 1024 ** 2

const aws = await startAws(t)
const api = await buildTestApi(t, aws)

t.test('OPTIONS describes the server without a token', async t => {
  const { status, headers } = await fetch(`${api.url}/uploads/tus`, { method: 'OPTIONS' })
  t.equal(status, 204)
  t.equal(headers.get('tus-version'), '1.0.0')
  t.equal(
    headers.get('tus-extension'),
    'creation,creation-with-upload,creation-defer-length,expiration,termination,checksum',
  )
  t.equal(headers.get('tus-max-size'), String(api.config.MAX_UPLOAD_BYTES))
  t.match(headers.get('tus-checksum-algorithm'), /^sha1,sha256/)
  t.equal(headers.get('access-control-allow-origin'), null)
})

t.test('an endpoint may end with a slash', async t => {
  const user = await createTestUser(aws)
  const client = tusClient(api, user)
  const options = await fetch(`${api.url}/uploads/tus/`, { method: 'OPTIONS' })
  t.equal(options.headers.get('tus-version'), '1.0.0')
  t.equal(options.headers.get('allow'), 'OPTIONS, POST')
  const created = await client.request('POST', '/uploads/tus/', { 'upload-length': '2' })
  t.equal(created.status, 201)
  const url = created.headers.get('location') ?? ''
  t.match(url, /^\/uploads\/tus\/[0-9a-f-]{36}$/)
  t.equal((await client.patch(url, 0, Buffer.from('ok'))).headers.get('upload-offset'), '2')
})

t.test('an upload of one request is accepted like any other', async t => {
  const user = await createTestUser(aws)
  const client = tusClient(api, user)
  const bytes = Buffer.from('resumable')
  const created = await client.create(bytes.length, {
    'upload-metadata': `filename ${base64('é.txt')},filetype ${base64('text/plain')}`,
  })
  t.equal(created.status, 201)
  t.equal(created.headers.get('tus-resumable'), '1.0.0')
  t.match(created.headers.get('upload-expires'), /GMT$/)
  const url = created.headers.get('location') ?? ''
  t.match(url, /^\/uploads\/tus\/[0-9a-f-]{36}$/)
  t.match(await client.head(url), { status: 200 })
  const pending = await ask(`${api.url}/uploads/${uploadIdOf(url)}`, { headers: user.auth })
  t.match(pending, { status: 200, body: { status: 'pending', filename: 'é.txt', contentType: 'text/plain' } })
  const sent = await client.patch(url, 0, bytes)
  t.equal(sent.status, 204)
  t.equal(sent.headers.get('upload-offset'), '9')
  const seen = await ask(`${api.url}/uploads/${uploadIdOf(url)}`, { headers: user.auth })
  t.match(seen, { status: 200, body: { status: 'queued', size: 9, sha256: sha256Of(bytes), filename: 'é.txt' } })
  const { key } = seen.body.s3 as { key: string }
  t.match(await readObject(aws, key), { bytes, contentType: 'text/plain', metadata: { 'upload-id': uploadIdOf(url) } })
  const done = await client.head(url)
  t.equal(done.status, 200)
  t.equal(done.headers.get('upload-offset'), '9')
  t.equal(done.headers.get('upload-length'), '9')
  t.equal(done.headers.get('cache-control'), 'no-store')
  t.match(await user.traces(), { objects: [key], openUploads: 0, records: [{ status: 'queued' }] })
})

t.test('the file does not depend on the sizes of the requests, even across parts', async t => {
  const user = await createTestUser(aws)
  const client = tusClient(api, user)
  const bytes = randomBytes(20 * MIB + 17)
  const url = await client.begin(bytes.length)
  const ends = [1, 5 * MIB, 8 * MIB, 8 * MIB + 1, 17 * MIB, 20 * MIB, bytes.length]
  let offset = 0
  for (const end of ends) {
    const sent = await client.patch(url, offset, bytes.subarray(offset, end))
    t.match(sent, { status: 204 }, `to ${end}`)
    offset = Number(sent.headers.get('upload-offset'))
    t.equal(offset, end)
    t.equal(await client.offset(url), end)
  }
  const seen = await ask(`${api.url}/uploads/${uploadIdOf(url)}`, { headers: user.auth })
  t.match(seen.body, { status: 'queued', sha256: sha256Of(bytes), size: bytes.length })
  const { objects, openUploads } = await user.traces()
  t.ok((await readObject(aws, objects[0] ?? '')).bytes.equals(bytes))
  t.equal(openUploads, 0)
})

t.test('files of exactly one or more parts, of one byte more, and of no bytes are accepted', async t => {
  for (const size of [0, 8 * MIB, 8 * MIB + 1, 16 * MIB]) {
    const user = await createTestUser(aws)
    const client = tusClient(api, user)
    const bytes = randomBytes(size)
    const url = await client.begin(size)
    if (size > 0) t.match(await client.patch(url, 0, bytes), { status: 204 })
    const seen = await ask(`${api.url}/uploads/${uploadIdOf(url)}`, { headers: user.auth })
    t.match(seen.body, { status: 'queued', sha256: sha256Of(bytes), size }, `${size} bytes`)
    const { objects, openUploads } = await user.traces()
    t.ok((await readObject(aws, objects[0] ?? '')).bytes.equals(bytes))
    t.equal(openUploads, 0)
  }
})

t.test('a file can come with the request that creates the upload', async t => {
  const user = await createTestUser(aws)
  const client = tusClient(api, user)
  const headers = { 'upload-length': '5', 'content-type': 'application/offset+octet-stream' }
  const half = await client.request('POST', '/uploads/tus', headers, Buffer.from('hel'))
  t.match(half, { status: 201 })
  t.equal(half.headers.get('upload-offset'), '3')
  const url = half.headers.get('location') ?? ''
  t.match(await client.patch(url, 3, Buffer.from('lo')), { status: 204 })
  t.match((await user.traces()).records, [{ status: 'queued', size: 5, filename: /^file-\d+\.txt$/ }])
})

t.test('bytes that do not match their checksum are not stored, for any size', async t => {
  const user = await createTestUser(aws)
  const client = tusClient(api, user)
  const bytes = randomBytes(18 * MIB)
  const url = await client.begin(bytes.length)
  const digest = (name: string, data: Buffer) => `${name} ${createHash(name).update(data).digest('base64')}`
  const first = bytes.subarray(0, 3)
  t.match(await client.patch(url, 0, first, { 'upload-checksum': digest('sha1', first) }), { status: 204 })
  const rest = bytes.subarray(3)
  const wrong = await client.patch(url, 3, rest, { 'upload-checksum': digest('sha256', first) })
  t.match(wrong, { status: 460, body: { type: 'urn:headgate:problem:checksum-mismatch' } })
  t.equal(await client.offset(url), 3)
  t.match(await client.patch(url, 3, rest, { 'upload-checksum': digest('sha256', rest) }), { status: 204 })
  const { objects, records } = await user.traces()
  t.match(records, [{ status: 'queued' }])
  t.ok((await readObject(aws, objects[0] ?? '')).bytes.equals(bytes))
  for (const header of ['crc7 AAAA', 'sha256', 'sha256 !', `sha256 ${base64('short')}`, `${digest('sha1', first)} x`]) {
    t.match(await client.patch(url, 0, first, { 'upload-checksum': header }), { status: 400 }, header)
  }
})

t.test('a file with another digest than the announced one is refused and leaves nothing', async t => {
  const user = await createTestUser(aws)
  const client = tusClient(api, user)
  const bytes = Buffer.from('announced')
  const announcing = (sha256: string) => ({ 'upload-metadata': `filename ${base64('a')},sha256 ${base64(sha256)}` })
  for (const [announced, status] of [
    [sha256Of(bytes), 204],
    ['ab'.repeat(32), 422],
  ] as const) {
    const url = await client.begin(bytes.length, announcing(announced))
    t.match(await client.patch(url, 0, bytes), { status })
  }
  t.match(await client.create(9, announcing('ab')), { status: 400, body: { detail: /sha256 .* 64 hex digits/ } })
  const { objects, records } = await user.traces()
  t.equal(objects.length, 1)
  t.match(records, [{ status: 'queued', sha256: sha256Of(bytes) }])
})

t.test('a terminated upload leaves nothing', async t => {
  const user = await createTestUser(aws)
  const client = tusClient(api, user)
  const url = await client.begin(20 * MIB)
  t.match(await client.patch(url, 0, randomBytes(9 * MIB)), { status: 204 })
  t.match((await user.traces()).openUploads, 1)
  t.match(await client.request('DELETE', url), { status: 204 })
  t.match(await client.head(url), { status: 404 })
  t.match(await client.request('DELETE', url), { status: 404 })
  t.same(await user.traces(), NO_TRACES)
})

t.test('a deleted upload does not exist for the protocol either', async t => {
  const user = await createTestUser(aws)
  const client = tusClient(api, user)
  const url = await client.begin(5)
  t.match(await client.patch(url, 0, Buffer.from('hello')), { status: 204 })
  const deleted = await fetch(`${api.url}/uploads/${uploadIdOf(url)}`, { method: 'DELETE', headers: user.auth })
  t.equal(deleted.status, 204)
  t.match(await client.head(url), { status: 404 })
  t.match(await client.patch(url, 5, Buffer.from('x')), { status: 404 })
  t.match(await client.request('DELETE', url), { status: 404 })
})

t.test('the type of the bytes and the algorithm of a checksum are read in any case', async t => {
  const user = await createTestUser(aws)
  const client = tusClient(api, user)
  const headers = { 'upload-length': '5', 'content-type': 'Application/Offset+Octet-Stream' }
  const half = await client.request('POST', '/uploads/tus', headers, Buffer.from('hel'))
  t.equal(half.headers.get('upload-offset'), '3')
  const checksum = `SHA1 ${createHash('sha1').update('lo').digest('base64')}`
  const more = { 'content-type': 'APPLICATION/OFFSET+OCTET-STREAM', 'upload-checksum': checksum }
  t.match(await client.patch(half.headers.get('location') ?? '', 3, Buffer.from('lo'), more), { status: 204 })
})

t.test('a request that the protocol rejects gets a specific problem and changes nothing', async t => {
  const user = await createTestUser(aws)
  const client = tusClient(api, user)
  const url = await client.begin(5)
  const bytes = Buffer.from('hello')
  const id = uploadIdOf(url)
  const type = { 'content-type': 'application/offset+octet-stream' }
  const meta = (text: string) => ({ 'upload-metadata': text })
  const cases: Array<[what: string, reply: ReturnType<typeof client.head>, status: number, slug?: string]> = [
    ['another offset', client.patch(url, 3, bytes), 409, 'offset-conflict'],
    ['more bytes than the length', client.patch(url, 0, Buffer.from('too long')), 413, 'payload-too-large'],
    ['no offset', client.request('PATCH', url, type, bytes), 400, 'bad-request'],
    ['an invalid offset', client.patch(url, 0, bytes, { 'upload-offset': '-1' }), 400, 'bad-request'],
    ['another type', client.patch(url, 0, bytes, { 'content-type': 'text/plain' }), 415, 'unsupported-media-type'],
    ['another version', client.patch(url, 0, bytes, { 'tus-resumable': '0.2.2' }), 412, 'unsupported-tus-version'],
    ['a length with a part', client.patch(url, 0, bytes, { 'upload-length': '5' }), 400],
    ['no such upload', client.head('/uploads/tus/0193a5d2-7c2e-7cc3-8a3e-6d7d2f1d8a11'), 404],
    ['no id', client.head('/uploads/tus/..%2f..%2fx'), 404],
    ['no length', client.request('POST', '/uploads/tus'), 400, 'bad-request'],
    ['a wrong promise', client.request('POST', '/uploads/tus', { 'upload-defer-length': '2' }), 400, 'bad-request'],
    ['a length and none', client.create(1, { 'upload-defer-length': '1' }), 400, 'bad-request'],
    ['too large', client.create(api.config.MAX_UPLOAD_BYTES + 1), 413, 'payload-too-large'],
    ['a path as its name', client.create(1, meta(`filename ${base64('../x')}`)), 400, 'invalid-filename'],
    ['a name that is no UTF-8', client.create(1, meta('filename /w==')), 400, 'bad-request'],
    [
      'an invalid type',
      client.create(1, meta(`filename ${base64('x')},filetype ${base64('x')}`)),
      400,
      'invalid-content-type',
    ],
    ['invalid metadata', client.create(1, meta('filename x,y z w')), 400, 'bad-request'],
    ['metadata without end', client.create(1, meta(`a ${base64('x'.repeat(9000))}`)), 400, 'bad-request'],
    ['parts of an upload', client.create(1, { 'upload-concat': 'partial' }), 400, 'bad-request'],
    ['a POST to it', client.request('POST', url), 405, 'method-not-allowed'],
    ['a GET of it', client.request('GET', url), 405, 'method-not-allowed'],
  ]
  for (const [what, asked, status, slug] of cases) {
    const reply = await asked
    t.equal(reply.status, status, what)
    t.equal(reply.headers.get('content-type'), 'application/problem+json', what)
    if (slug) t.equal(reply.body.type, `urn:headgate:problem:${slug}`, what)
  }
  const unversioned = await fetch(`${api.url}${url}`, { method: 'HEAD', headers: user.auth })
  t.equal(unversioned.status, 412)
  t.equal(unversioned.headers.get('tus-version'), '1.0.0')
  t.match((await user.traces()).records, [{ uploadId: id, status: 'pending', arrival: { etags: [] } }])
  t.equal(await client.offset(url), 0)
})

t.test("another owner's upload does not exist for any request", async t => {
  const [owner, other] = [await createTestUser(aws), await createTestUser(aws)]
  const url = await tusClient(api, owner).begin(5)
  const foreign = tusClient(api, other)
  t.match(await foreign.head(url), { status: 404 })
  t.match(await foreign.patch(url, 0, Buffer.from('hello')), { status: 404 })
  t.match(await foreign.request('DELETE', url), { status: 404 })
  for (const method of ['HEAD', 'PATCH', 'DELETE', 'POST']) {
    const anonymous = await fetch(`${api.url}${url}`, { method, headers: { 'tus-resumable': '1.0.0' } })
    t.equal(anonymous.status, 401, method)
  }
  t.equal(await tusClient(api, owner).offset(url), 0)
})

t.test('POST may replace PATCH on networks that block it', async t => {
  const user = await createTestUser(aws)
  const client = tusClient(api, user)
  const url = await client.begin(5)
  const headers = {
    'x-http-method-override': 'PATCH',
    'upload-offset': '0',
    'content-type': 'application/offset+octet-stream',
  }
  t.match(await client.request('POST', url, headers, Buffer.from('hello')), { status: 204 })
  t.match((await user.traces()).records, [{ status: 'queued', size: 5 }])
})
