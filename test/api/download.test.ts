import { gzipSync } from 'node:zlib'
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { names } from '../../services/platform/resources.ts'
import { outputsPrefix } from '../../services/uploads/objects/keys.ts'
import { createResultStore } from '../../services/uploads/objects/result-store.ts'
import type { UploadRecord } from '../../services/uploads/records/record.ts'
import { createUploadStore } from '../../services/uploads/records/store.ts'
import { startAws } from '../support/aws.ts'
import { startFaultProxy, to } from '../support/fault-proxy.ts'
import { answer as respond } from '../support/faults/faults.ts'
import { readContract } from './contract.ts'
import { ask, buildTestApi, createTestUser, isProblem, keyOf, postJson, type TestUser } from './support.ts'

const aws = await startAws(t)
const proxy = await startFaultProxy(t, aws.endpoints.s3)
const api = await buildTestApi(t, aws, { endpoints: { s3: proxy.url } })
const contract = await readContract(api)
const records = { dynamodb: aws.dynamodb, table: aws.env.UPLOADS_TABLE ?? '' }
const store = createUploadStore(records)
const results = createResultStore(records)

type What = 'content' | 'processed'

function get(t: Test, user: TestUser, uploadId: unknown, what: What, init: RequestInit = {}) {
  return contract.ask(t, `get /uploads/{id}/${what}`, `/uploads/${uploadId}/${what}`, { headers: user.auth, ...init })
}

/** Returns the parameters of a redirect that determine the response of S3. */
function asks(location: string | null) {
  const { searchParams, pathname } = new URL(location ?? '')
  return {
    pathname,
    disposition: searchParams.get('response-content-disposition'),
    type: searchParams.get('response-content-type'),
    seconds: Number(searchParams.get('X-Amz-Expires')),
    version: searchParams.get('versionId'),
  }
}

t.test('a download is a redirect to S3 that is valid for one minute and has the file name', async t => {
  const user = await createTestUser(aws)
  const created = await postJson(api, user, { filename: 'Grüße "1".txt', content: 'hello' })
  const answer = await get(t, user, created.body.uploadId, 'content')
  t.equal(answer.status, 302)
  t.equal(answer.headers.get('cache-control'), 'no-store')
  t.equal(answer.headers.get('referrer-policy'), 'no-referrer')
  const location = answer.headers.get('location') ?? ''
  t.match(asks(location), {
    disposition: `attachment; filename="Gr__e _1_.txt"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%221%22.txt`,
    type: /^text\/plain/,
    seconds: 60,
    version: null,
  })
  const file = await fetch(location)
  t.equal(file.status, 200)
  t.match(file.headers.get('content-disposition'), /^attachment; filename="Gr__e/)
  t.equal(file.headers.get('cache-control'), 'private, no-store')
  t.equal(await file.text(), 'hello')
})

t.test('a type that a browser would execute is sent as bytes', async t => {
  const user = await createTestUser(aws)
  const created = await ask(`${api.url}/uploads?filename=a.html`, {
    method: 'POST',
    headers: { ...user.auth, 'content-type': 'text/html' },
    body: '<script>alert(1)</script>',
  })
  const answer = await get(t, user, created.body.uploadId, 'content')
  t.match(asks(answer.headers.get('location')), { type: 'application/octet-stream', disposition: /^attachment/ })
})

t.test('HEAD is redirected to a URL that is signed for HEAD', async t => {
  const user = await createTestUser(aws)
  const { body } = await postJson(api, user, { content: 'hello' })
  const [head, got] = await Promise.all([
    get(t, user, body.uploadId, 'content', { method: 'HEAD' }),
    get(t, user, body.uploadId, 'content'),
  ])
  t.equal(head.status, 302)
  const location = head.headers.get('location') ?? ''
  const signature = (url: string | null) => new URL(url ?? '').searchParams.get('X-Amz-Signature')
  t.not(signature(location), signature(got.headers.get('location')))
  const file = await fetch(location, { method: 'HEAD' })
  t.equal(file.headers.get('content-length'), '5')
})

t.test('the main output can be downloaded once the upload is processed, and before that is 409', async t => {
  const user = await createTestUser(aws)
  const created = await postJson(api, user, { filename: 'a.txt', content: 'hello' })
  const { uploadId } = created.body
  const early = await get(t, user, uploadId, 'processed')
  isProblem(t, early, 409, 'content-not-ready')
  t.match(early.headers.get('retry-after'), /^\d+$/)
  const processed = await process(created)
  const answer = await get(t, user, uploadId, 'processed')
  t.match(asks(answer.headers.get('location')), { disposition: /filename="a\.txt"/, type: 'text/plain;charset=utf-8' })
  t.equal(await (await fetch(answer.headers.get('location') ?? '')).text(), 'HELLO')
  await aws.s3.send(new DeleteObjectCommand({ Bucket: processed.bucket, Key: processed.key }))
  isProblem(t, await get(t, user, uploadId, 'processed'), 404, 'content-gone')
  t.equal((await get(t, user, uploadId, 'content')).status, 302, 'the other is there')
})

/** Processes an upload of "hello" as a worker does. */
async function process(created: Awaited<ReturnType<typeof postJson>>) {
  const { bucket, key } = created.body.s3 as { bucket: string; key: string }
  const processed = { bucket: names.processedBucket, key: key.replace('uploads/', 'processed/') }
  await aws.s3.send(
    new PutObjectCommand({
      Bucket: processed.bucket,
      Key: processed.key,
      Body: 'HELLO',
      ContentType: 'text/plain;charset=utf-8',
      Metadata: { 'upload-id': String(created.body.uploadId) },
    }),
  )
  const [, owner = ''] = key.split('/')
  await store.markProcessed({ owner, uploadId: String(created.body.uploadId) }, { bucket, key }, processed)
  return processed
}

t.test('each output can be downloaded by its name, and the upload lists all outputs', async t => {
  const user = await createTestUser(aws)
  const created = await postJson(api, user, { filename: 'table.csv', content: 'hello' })
  const uploadId = String(created.body.uploadId)
  const source = created.body.s3 as { bucket: string; key: string }
  const main = { bucket: names.processedBucket, key: source.key.replace('uploads/', 'processed/') }
  const further = { bucket: names.processedBucket, key: `${outputsPrefix(source.key)}bad-rows.json` }
  for (const { bucket, key } of [main, further]) {
    await aws.s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: key, ContentType: 'application/json' }))
  }
  await store.markProcessed({ owner: user.sub, uploadId }, source, main, {
    outputs: [
      { name: 'main', contentType: 'application/x-ndjson', size: 5, filename: 'table.ndjson' },
      { name: 'bad-rows.json', contentType: 'application/json', size: 7, s3: further },
    ],
    transform: { name: 'csv-to-ndjson', version: '1' },
  })
  const upload = await contract.ask(t, 'get /uploads/{id}', `/uploads/${uploadId}`, { headers: user.auth })
  t.match(upload.body, { status: 'processed', processed: main, transform: { name: 'csv-to-ndjson', version: '1' } })
  t.strictSame(upload.body.outputs, [
    { name: 'main', contentType: 'application/x-ndjson', size: 5, filename: 'table.ndjson', s3: main },
    { name: 'bad-rows.json', contentType: 'application/json', size: 7, s3: further },
  ])
  const output = (name: string, who = user) =>
    contract.ask(t, 'get /uploads/{id}/outputs/{name}', `/uploads/${uploadId}/outputs/${name}`, { headers: who.auth })
  for (const [answer, object, filename] of [
    [await get(t, user, uploadId, 'processed'), main, 'table.ndjson'],
    [await output('main'), main, 'table.ndjson'],
    [await output('bad-rows.json'), further, 'bad-rows.json'],
  ] as const) {
    const location = answer.headers.get('location') ?? ''
    t.match(asks(location).disposition, `attachment; filename="${filename}"`)
    t.equal(await (await fetch(location)).text(), object.key)
  }
  isProblem(t, await output('other'), 404, 'not-found')
  isProblem(t, await output('bad-rows.json', await createTestUser(aws)), 404, 'not-found')
})

t.test('an output in DynamoDB is sent directly as a file download, only to its owner', async t => {
  const user = await createTestUser(aws)
  const created = await postJson(api, user, { filename: 'photo.html', content: 'hello' })
  const uploadId = String(created.body.uploadId)
  const source = created.body.s3 as { bucket: string; key: string }
  const transform = { name: 'own', version: '1' }
  const result = { name: 'main', contentType: 'application/json', body: Buffer.from('{"a":1}'), source, transform }
  await results.put({ ...result, madeOf: uploadId })
  await results.put({ ...result, name: 'page', contentType: 'text/html', madeOf: uploadId })
  await store.markProcessed({ owner: user.sub, uploadId }, source, undefined, {
    outputs: [
      { name: 'main', contentType: 'application/json', size: 7, isItem: true },
      { name: 'page', contentType: 'text/html', size: 7, isItem: true },
      { name: 'gone', contentType: 'text/html', size: 7, isItem: true },
    ],
    transform,
  })
  const upload = await contract.ask(t, 'get /uploads/{id}', `/uploads/${uploadId}`, { headers: user.auth })
  t.strictSame(upload.body.outputs[0], { name: 'main', contentType: 'application/json', size: 7 })
  t.notOk('processed' in upload.body)

  const answer = await get(t, user, uploadId, 'processed')
  t.equal(answer.status, 200)
  t.strictSame(answer.body, { a: 1 })
  t.equal(answer.headers.get('cache-control'), 'private, no-store')
  t.match(answer.headers.get('content-disposition'), /^attachment; filename="photo.html"/)
  const output = (name: string, who = user) =>
    contract.ask(t, 'get /uploads/{id}/outputs/{name}', `/uploads/${uploadId}/outputs/${name}`, { headers: who.auth })
  t.equal(
    (await output('page')).headers.get('content-type'),
    'application/octet-stream',
    'never as what a browser runs',
  )
  isProblem(t, await output('gone'), 404, 'content-gone')
  isProblem(t, await output('main', await createTestUser(aws)), 404, 'not-found')
})

t.test('the content of a failed upload can be downloaded, and its outputs return the reason', async t => {
  const user = await createTestUser(aws)
  const { body } = await postJson(api, user, { content: 'x' })
  const failure = { code: 'HEADGATE_TRANSFORM_REFUSED', reason: 'The text is not UTF-8.' }
  await store.markFailed({ owner: user.sub, uploadId: String(body.uploadId) }, body.s3 as UploadRecord, failure)
  const answer = await get(t, user, body.uploadId, 'processed')
  isProblem(t, answer, 409, 'processing-failed')
  t.equal(answer.body.detail, failure.reason)
  t.equal((await get(t, user, body.uploadId, 'content')).status, 302)
})

t.test('an upload whose object was deleted is content-gone', async t => {
  const user = await createTestUser(aws)
  const created = await postJson(api, user, { content: 'x' })
  await aws.s3.send(new DeleteObjectCommand({ Bucket: names.uploadBucket, Key: keyOf(created) }))
  for (const method of ['GET', 'HEAD']) {
    const answer = await get(t, user, created.body.uploadId, 'content', { method })
    t.equal(answer.status, 404)
    if (method === 'GET') isProblem(t, answer, 404, 'content-gone')
  }
})

t.test('the content of a pending upload is not ready', async t => {
  const user = await createTestUser(aws)
  const body = JSON.stringify({ filename: 'a.txt', contentType: 'text/plain', size: 5 })
  const headers = { ...user.auth, 'content-type': 'application/json' }
  const granted = await ask(`${api.url}/uploads/grants`, { method: 'POST', headers, body })
  const location = granted.headers.get('location') ?? ''
  const uploadId = location.slice(location.lastIndexOf('/') + 1)
  isProblem(t, await get(t, user, uploadId, 'content'), 409, 'content-not-ready')
  isProblem(t, await get(t, user, uploadId, 'processed'), 409, 'content-not-ready')
})

t.test('an archived object can not be downloaded before it is restored', async t => {
  const user = await createTestUser(aws)
  const { body } = await postJson(api, user, { content: 'x' })
  const archived = (restore?: string) => ({
    'x-amz-storage-class': 'DEEP_ARCHIVE',
    ...(restore !== undefined && { 'x-amz-restore': restore }),
  })
  const cases: Array<[Record<string, string>, number]> = [
    [archived(), 409],
    [archived('ongoing-request="true"'), 409],
    [archived('ongoing-request="false", expiry-date="Fri, 21 Dec 2029 00:00:00 GMT"'), 302],
    [{ 'x-amz-storage-class': 'STANDARD_IA' }, 302],
  ]
  for (const [headers, status] of cases) {
    const fault = proxy.inject(respond(200, headers, ''), { when: to('HEAD'), times: 1 })
    const answer = await get(t, user, body.uploadId, 'content')
    t.equal(answer.status, status, JSON.stringify(headers))
    t.equal(fault.hits, 1)
    if (status === 409) isProblem(t, answer, 409, 'content-withheld')
  }
})

t.test('another owner’s upload is 404 whether it exists or not, without a request to S3', async t => {
  const owner = await createTestUser(aws)
  const stranger = await createTestUser(aws)
  const created = await postJson(api, owner, { content: 'secret' })
  await process(created)
  const before = proxy.count()
  for (const what of ['content', 'processed'] as const) {
    isProblem(t, await get(t, stranger, created.body.uploadId, what), 404, 'not-found')
    isProblem(t, await get(t, stranger, '..%2F..%2Fx', what), 404, 'not-found')
    isProblem(t, await get(t, stranger, created.body.uploadId, what, { headers: {} }), 401, 'missing-token')
  }
  t.equal(proxy.count(), before)
})

const JSON_ONLY = { accept: 'application/json' }

t.test('with Accept: application/json a download is a URL that is valid for one minute', async t => {
  const user = await createTestUser(aws)
  const created = await postJson(api, user, { filename: 'Grüße.txt', content: 'hello' })
  await process(created)
  for (const [what, text] of [
    ['content', 'hello'],
    ['processed', 'HELLO'],
  ] as const) {
    const before = Math.floor(Date.now() / 1_000) * 1_000
    const answer = await get(t, user, created.body.uploadId, what, { headers: { ...user.auth, ...JSON_ONLY } })
    t.equal(answer.status, 200)
    t.equal(answer.headers.get('cache-control'), 'no-store')
    t.match(answer.body, { filename: 'Grüße.txt', contentType: /^text\/plain/, size: 5 })
    t.equal(asks(answer.body.url).seconds, 60)
    const expiresAt = Date.parse(answer.body.expiresAt)
    t.ok(expiresAt >= before + 60_000 && expiresAt <= Date.now() + 60_000, answer.body.expiresAt)
    t.equal(await (await fetch(answer.body.url)).text(), text)
  }
  const output = await contract.ask(
    t,
    'get /uploads/{id}/outputs/{name}',
    `/uploads/${created.body.uploadId}/outputs/main`,
    { headers: { ...user.auth, ...JSON_ONLY } },
  )
  t.equal(await (await fetch(output.body.url)).text(), 'HELLO')
})

t.test('only a client that accepts JSON and not everything gets a URL', async t => {
  const user = await createTestUser(aws)
  const { body } = await postJson(api, user, { content: 'hello' })
  for (const [accept, status] of [
    ['application/json', 200],
    ['Application/JSON;q=0.9, text/plain', 200],
    ['application/json, text/plain, */*', 302],
    ['*/*', 302],
    ['text/plain', 302],
    ['application/jsonp', 302],
  ] as const) {
    const answer = await get(t, user, body.uploadId, 'content', { headers: { ...user.auth, accept } })
    t.equal(answer.status, status, accept)
  }
  const head = await get(t, user, body.uploadId, 'content', { method: 'HEAD', headers: { ...user.auth, ...JSON_ONLY } })
  t.equal(head.status, 200)
  t.match(head.headers.get('content-type'), /^application\/json/)
})

t.test('an error is the same problem for a client that wants a URL', async t => {
  const user = await createTestUser(aws)
  const created = await postJson(api, user, { content: 'x' })
  const headers = { ...user.auth, ...JSON_ONLY }
  isProblem(t, await get(t, user, created.body.uploadId, 'processed', { headers }), 409, 'content-not-ready')
  await aws.s3.send(new DeleteObjectCommand({ Bucket: names.uploadBucket, Key: keyOf(created) }))
  isProblem(t, await get(t, user, created.body.uploadId, 'content', { headers }), 404, 'content-gone')
})

t.test('the URL of an output in DynamoDB is a data URL with its decoded bytes', async t => {
  const user = await createTestUser(aws)
  const created = await postJson(api, user, { filename: 'photo.html', content: 'hello' })
  const uploadId = String(created.body.uploadId)
  const source = created.body.s3 as { bucket: string; key: string }
  const transform = { name: 'own', version: '1' }
  const bomb = gzipSync(Buffer.alloc(2 * 1024 ** 2))
  const all = [
    ['main', 'application/json', '{"a":1}', undefined],
    ['page', 'text/html', '<p>', undefined],
    ['text', 'text/plain; charset=utf-8', gzipSync('ä'), 'gzip'],
    ['quoted', 'text/plain; title="a, b"', 'x', undefined],
    ['bomb', 'text/plain', bomb, 'gzip'],
    ['unknown', 'text/plain', 'x', 'compress'],
  ] as const
  for (const [name, contentType, body, contentEncoding] of all) {
    await results.put({
      name,
      contentType,
      contentEncoding,
      body: Buffer.from(body),
      source,
      transform,
      madeOf: uploadId,
    })
  }
  await store.markProcessed({ owner: user.sub, uploadId }, source, undefined, {
    outputs: all.map(([name, contentType]) => ({ name, contentType, size: 7, isItem: true })),
    transform,
  })
  const output = (name: string) =>
    contract.ask(t, 'get /uploads/{id}/outputs/{name}', `/uploads/${uploadId}/outputs/${name}`, {
      headers: { ...user.auth, ...JSON_ONLY },
    })
  const main = await output('main')
  t.strictSame(main.body, {
    url: 'data:application/json;base64,eyJhIjoxfQ==',
    filename: 'photo.html',
    contentType: 'application/json',
    size: 7,
  })
  t.equal(await (await fetch(main.body.url)).text(), '{"a":1}')
  t.match((await output('page')).body.url, /^data:application\/octet-stream;base64,/, 'never as what a browser runs')
  t.equal((await output('text')).body.url, 'data:text/plain;charset=utf-8;base64,w6Q=')
  t.equal((await output('quoted')).body.url, 'data:text/plain;base64,eA==')
  isProblem(t, await output('bomb'), 409, 'content-withheld')
  isProblem(t, await output('unknown'), 409, 'content-withheld')
})

t.test('no download URL is logged', async t => {
  t.ok(api.log.length > 10)
  t.notMatch(api.log.join(''), /X-Amz-|Signature|response-content/i)
})

t.test('a download URL is signed for the public endpoint of S3', async t => {
  const elsewhere = 'https://files.example.com:8443'
  const other = await buildTestApi(t, aws, { env: { S3_PUBLIC_ENDPOINT: elsewhere } })
  const user = await createTestUser(aws)
  const { body } = await postJson(other, user, { content: 'x' })
  const answer = await fetch(`${other.url}/uploads/${body.uploadId}/content`, {
    headers: user.auth,
    redirect: 'manual',
  })
  const location = new URL(answer.headers.get('location') ?? '')
  t.equal(location.origin, elsewhere)
  t.equal(location.searchParams.get('X-Amz-SignedHeaders'), 'host')
})

t.test('with a flat template no URL is issued that could return another owner’s object', async t => {
  const flat = await buildTestApi(t, aws, { env: { KEY_TEMPLATE: 'uploads/{filename}' }, endpoints: { s3: proxy.url } })
  const user = await createTestUser(aws)
  const other = await createTestUser(aws)
  const fetchContent = (who: TestUser, uploadId: unknown) =>
    ask(`${flat.url}/uploads/${uploadId}/content`, { headers: who.auth, redirect: 'manual' })
  const first = await postJson(flat, user, { filename: 'shared.txt', content: 'mine' })
  isProblem(t, await fetchContent(user, first.body.uploadId), 409, 'content-withheld')

  // A response of a bucket with versioning, which the embedded S3 does not have.
  const versioned = { 'x-amz-version-id': 'v1', 'x-amz-meta-upload-id': String(first.body.uploadId) }
  proxy.inject(respond(200, versioned, ''), { when: to('HEAD'), times: 1 })
  const url = `${flat.url}/uploads/${first.body.uploadId}/content`
  const answer = await fetch(url, { headers: user.auth, redirect: 'manual' })
  t.equal(answer.status, 302)
  t.equal(asks(answer.headers.get('location')).version, 'v1')

  await postJson(flat, other, { filename: 'shared.txt', content: 'theirs' })
  isProblem(t, await fetchContent(user, first.body.uploadId), 404, 'content-gone')
})
