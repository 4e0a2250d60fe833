import { randomBytes } from 'node:crypto'
import { GetRecordsCommand, GetShardIteratorCommand, ListShardsCommand } from '@aws-sdk/client-kinesis'
import t from 'tap'
import { startAws } from '../../support/aws.ts'
import { ask, buildTestApi, createTestUser, isProblem, NO_TRACES, readObject } from '../support.ts'
import { isSigned } from './signature.ts'
import { askGrant, complete, grant, partsOf, send, sha256Of } from './support.ts'

const MIB = 1024 ** 2

const aws = await startAws(t)
const api = await buildTestApi(t, aws)

t.test('a small file is sent to S3 in one request, and accepted when S3 has it', async t => {
  const user = await createTestUser(aws)
  const bytes = Buffer.from('hello s3')
  const wanted = { filename: 'é 1.txt', contentType: 'text/plain; charset=utf-8', size: bytes.length }
  const { uploadId, put, s3, ...rest } = await grant(api, user, wanted)
  t.match(rest, { ...wanted, status: 'pending', complete: `/uploads/${uploadId}/complete` })
  t.equal(rest.parts, undefined)
  t.equal(s3.key, `uploads/${user.sub}/${uploadId}/é 1.txt`)
  const pending = await ask(`${api.url}/uploads/${uploadId}`, { headers: user.auth })
  t.match(pending, { status: 200, body: { status: 'pending', size: 8, expiresAt: rest.expiresAt } })
  t.notOk('sha256' in pending.body || 'arrival' in pending.body)

  isProblem(t, await complete(api, user, uploadId), 409, 'not-arrived')
  t.ok(put)
  if (!put) return
  t.equal((await send(put, bytes)).status, 200)
  const answer = await complete(api, user, uploadId)
  const uploaded = { uploadId, s3, filename: 'é 1.txt', contentType: wanted.contentType, size: 8 }
  t.match(answer, { status: 200, body: { ...uploaded, status: 'queued', sha256: sha256Of(bytes) } })
  t.match(await complete(api, user, uploadId), { status: 200, body: answer.body }, 'and again, with the same answer')
  const object = await readObject(aws, s3.key)
  t.match(object, { contentType: wanted.contentType, metadata: { 'upload-id': uploadId, owner: user.sub } })
  const { records, openUploads } = await user.traces()
  t.equal(openUploads, 0)
  t.match(records, [{ status: 'queued', sha256: sha256Of(bytes) }])
  for (const left of ['arrival', 'expiresAt', 'outboxPartition']) t.notOk(left in (records[0] ?? {}), left)
  t.match(await eventsOf(uploadId), [
    { version: 1, userSub: user.sub, ...uploaded.s3, size: 8, sha256: sha256Of(bytes) },
  ])
})

/** Returns all events of an upload on the stream. */
async function eventsOf(uploadId: string): Promise<unknown[]> {
  const StreamName = aws.env.STREAM_NAME
  const { Shards = [] } = await aws.kinesis.send(new ListShardsCommand({ StreamName }))
  const found: unknown[] = []
  for (const { ShardId } of Shards) {
    const from = { StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' } as const
    const { ShardIterator } = await aws.kinesis.send(new GetShardIteratorCommand(from))
    const { Records = [] } = await aws.kinesis.send(new GetRecordsCommand({ ShardIterator }))
    const events = Records.map(({ Data }) => JSON.parse(Buffer.from(Data ?? []).toString()))
    found.push(...events.filter(event => event.uploadId === uploadId))
  }
  return found
}

t.test(
  'the signature of a PUT covers its key, size, type, digest and owner, and that the key has no object',
  async t => {
    const user = await createTestUser(aws)
    const sha256 = sha256Of(Buffer.from('x'))
    const { put } = await grant(api, user, { size: 1, sha256: sha256.toUpperCase() })
    t.ok(put)
    if (!put) return
    t.ok(isSigned(put.url, put.headers), 'with the granted headers')
    const digest = Buffer.from(sha256, 'hex').toString('base64')
    t.match(put.headers, { 'x-amz-checksum-sha256': digest, 'if-none-match': '*', 'content-length': '1' })
    const others = {
      'content-length': '2',
      'content-type': 'text/html',
      'x-amz-checksum-sha256': Buffer.alloc(32).toString('base64'),
      'x-amz-meta-owner': 'another',
      'if-none-match': '',
    }
    for (const [name, value] of Object.entries(others)) {
      t.notOk(isSigned(put.url, { ...put.headers, [name]: value }), name)
    }
    t.notOk(isSigned(put.url.replace(user.sub, 'another'), put.headers), 'key')
    t.notOk(isSigned(put.url.replace(/X-Amz-Expires=\d+/, 'X-Amz-Expires=99999'), put.headers), 'expiry')
    t.match(put.url, /X-Amz-Expires=900&/)
    t.notMatch(put.url, /crc32|sdk-checksum/i, 'no checksum, because the body is unknown')
  },
)

t.test('a large file is sent in parts, and the missing ones can be granted again', async t => {
  const user = await createTestUser(aws)
  const bytes = randomBytes(17 * MIB)
  const granted = await grant(api, user, { size: bytes.length, sha256: sha256Of(bytes) })
  const { uploadId, parts = [] } = granted
  t.match(parts, [
    { partNumber: 1, size: 8 * MIB },
    { partNumber: 2, size: 8 * MIB },
    { partNumber: 3, size: MIB },
  ])
  t.equal(parts.length, 3)
  t.ok(parts.every(({ url, headers }) => isSigned(url, headers)))
  t.notOk(
    parts.some(({ url }) => isSigned(url, { 'content-length': '7' })),
    'each of its size alone',
  )
  const pieces = partsOf(granted, bytes)
  for (const index of [2, 0]) {
    const part = parts[index]
    if (part) t.equal((await send(part, pieces[index] ?? Buffer.alloc(0))).status, 200)
  }
  const early = await complete(api, user, uploadId)
  isProblem(t, early, 409, 'not-arrived')
  t.match(early.body.detail, /1 of 3 parts are missing or have the wrong size: 2\./)
  const renewed = await ask(`${api.url}/uploads/${uploadId}/grant`, { headers: user.auth })
  t.match(renewed, { status: 200, body: { uploadId, parts: [{ partNumber: 2, size: 8 * MIB }] } })
  const [second] = renewed.body.parts as typeof parts
  if (second) await send(second, pieces[1] ?? Buffer.alloc(0))
  const answers = await Promise.all([complete(api, user, uploadId), complete(api, user, uploadId)])
  for (const answer of answers) t.match(answer, { status: 200, body: { sha256: undefined, size: bytes.length } })
  t.ok((await readObject(aws, granted.s3.key)).bytes.equals(bytes))
  t.match(await user.traces(), { openUploads: 0, objects: [granted.s3.key], records: [{ status: 'queued' }] })
  t.match((await ask(`${api.url}/uploads/${uploadId}/grant`, { headers: user.auth })).status, 404, 'nothing to renew')
})

t.test('a file that differs from its reservation is rejected and leaves nothing', async t => {
  const user = await createTestUser(aws)
  const promised = Buffer.from('right')
  const wrong: Record<string, [bytes: string, headers: Record<string, string>]> = {
    size: ['longer than promised', {}],
    'content type': ['right', { 'content-type': 'text/html' }],
    upload: ['right', { 'x-amz-meta-owner': 'somebody-else' }],
    'SHA-256': ['wrong', {}],
  }
  for (const [what, [bytes, headers]] of Object.entries(wrong)) {
    const { uploadId, put } = await grant(api, user, { size: 5, sha256: sha256Of(promised) })
    if (!put) throw new Error('It has no put.')
    const { 'content-length': _length, ...signed } = put.headers
    if (bytes !== 'right') {
      t.equal((await send({ url: put.url, headers: signed }, Buffer.from(bytes))).status, 400, `S3 itself: ${what}`)
    }
    // Without the checksum, which is signed, only an S3 that verifies no signatures accepts the bytes.
    const { 'x-amz-checksum-sha256': _checksum, ...unverified } = signed
    await send({ url: put.url, headers: { ...unverified, ...headers } }, Buffer.from(bytes))
    const answer = await complete(api, user, uploadId)
    isProblem(t, answer, 422, 'arrival-refused', what)
    t.match(answer.body.detail, new RegExp(what))
    isProblem(t, await complete(api, user, uploadId), 404, 'not-found', what)
  }
  t.same(await user.traces(), NO_TRACES)
})

t.test('a PUT with a header that was not granted is rejected and leaves nothing', async t => {
  const user = await createTestUser(aws)
  const added: Record<string, string> = {
    'Content-Encoding': 'gzip',
    'Content-Disposition': 'inline; filename="other.html"',
    'Content-Language': 'de',
    'x-amz-meta-more': 'x',
  }
  for (const [name, value] of Object.entries(added)) {
    const { put, uploadId } = await grant(api, user, { size: 1 })
    if (!put) throw new Error('It has no put.')
    t.equal((await send({ ...put, headers: { ...put.headers, [name]: value } }, Buffer.from('x'))).status, 200, name)
    const answer = await complete(api, user, uploadId)
    isProblem(t, answer, 422, 'arrival-refused', name)
    t.match(answer.body.detail, `not granted: ${name}.`)
  }
  t.same(await user.traces(), NO_TRACES)
  // Headers that browsers add, or that do not affect the bytes.
  for (const passing of [{ 'cache-control': 'no-cache' }, { expires: '0' }, { 'content-encoding': 'identity' }]) {
    const { put, uploadId } = await grant(api, user, { size: 1 })
    if (!put) throw new Error('It has no put.')
    const headers = { ...put.headers, ...passing } as Record<string, string>
    t.equal((await send({ ...put, headers }, Buffer.from('x'))).status, 200)
    t.equal((await complete(api, user, uploadId)).status, 200, JSON.stringify(passing))
  }
})

t.test('exactly the granted headers of a PUT are signed, so that S3 rejects an added x-amz- header', async t => {
  const user = await createTestUser(aws)
  const { put } = await grant(api, user, { size: 1, sha256: sha256Of(Buffer.from('x')) })
  const signed = new URL(put?.url ?? '').searchParams.get('X-Amz-SignedHeaders')?.split(';') ?? []
  t.same(signed.toSorted(), ['host', ...Object.keys(put?.headers ?? {})].toSorted())
})

t.test("completing, renewing or reading another owner's upload is 404", async t => {
  const [owner, other] = [await createTestUser(aws), await createTestUser(aws)]
  const { uploadId, put } = await grant(api, owner, { size: 1 })
  if (put) await send(put, Buffer.from('x'))
  isProblem(t, await complete(api, other, uploadId), 404, 'not-found')
  for (const path of [uploadId, `${uploadId}/grant`]) {
    isProblem(t, await ask(`${api.url}/uploads/${path}`, { headers: other.auth }), 404, 'not-found')
  }
  const anonymous = await ask(`${api.url}/uploads/${uploadId}/complete`, { method: 'POST' })
  isProblem(t, anonymous, 401, 'missing-token')
  t.match(await complete(api, owner, uploadId), { status: 200, body: { status: 'queued' } })
})

t.test('an invalid grant request is rejected and leaves nothing', async t => {
  const user = await createTestUser(aws)
  const right = { filename: 'a', contentType: 'text/plain', size: 1 }
  const cases: Array<[Record<string, unknown>, number, string]> = [
    [{ ...right, filename: '../a' }, 400, 'invalid-filename'],
    [{ ...right, filename: '' }, 400, 'invalid-filename'],
    [{ ...right, contentType: 'text' }, 400, 'invalid-content-type'],
    [{ ...right, size: -1 }, 400, 'invalid-body'],
    [{ ...right, size: '1' }, 400, 'invalid-body'],
    [{ ...right, size: 1.5 }, 400, 'invalid-body'],
    [{ ...right, sha256: 'abc' }, 400, 'invalid-body'],
    [{ ...right, key: 'uploads/else' }, 400, 'invalid-body'],
    [{ contentType: 'text/plain', size: 1 }, 400, 'invalid-body'],
    [{ ...right, size: api.config.MAX_UPLOAD_BYTES + 1 }, 413, 'payload-too-large'],
  ]
  for (const [body, status, slug] of cases)
    isProblem(t, await askGrant(api, user, body), status, slug, JSON.stringify(body))
  t.same(await user.traces(), NO_TRACES)
})

t.test('an unknown or a tus upload can not be renewed, and completing an accepted upload returns it', async t => {
  const user = await createTestUser(aws)
  const posted = await ask(`${api.url}/uploads?filename=a`, { method: 'POST', headers: user.auth, body: 'x' })
  const id = String(posted.body.uploadId)
  t.match(await complete(api, user, id), { status: 200, body: { uploadId: id } })
  for (const none of ['x', '00000000-0000-0000-0000-000000000000', '..%2f']) {
    isProblem(t, await complete(api, user, none), 404, 'not-found', none)
  }
})

t.test('no presigned URL is logged', async t => {
  const user = await createTestUser(aws)
  await grant(api, user, { size: 1 })
  await grant(api, user, { size: 11 * MIB })
  t.ok(api.log.length > 0)
  t.notMatch(api.log.join(''), /X-Amz-Signature/)
})

t.test('the URLs of a grant use the public endpoint of S3', async t => {
  const api = await buildTestApi(t, aws, { env: { S3_PUBLIC_ENDPOINT: 'https://files.example.com' } })
  const { auth } = await createTestUser(aws)
  const headers = { ...auth, 'content-type': 'application/json' }
  const body = JSON.stringify({ filename: 'a.txt', contentType: 'text/plain', size: 5 })
  const answer = await ask(`${api.url}/uploads/grants`, { method: 'POST', headers, body })
  t.equal(answer.status, 201)
  t.match(JSON.stringify(answer.body), /"https:\/\/files\.example\.com\/[^"]*uploads\//)
  t.notMatch(JSON.stringify(answer.body), /127\.0\.0\.1/)
})
