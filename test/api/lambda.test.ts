import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Context } from 'aws-lambda'
import sharp from 'sharp'
import t from 'tap'
import { createLambdaHandler, type GatewayEvent } from '../../services/api/lambda-handler.ts'
import { names } from '../../services/platform/resources.ts'
import { createResultStore } from '../../services/uploads/objects/result-store.ts'
import { createUploadStore } from '../../services/uploads/records/store.ts'
import { startAws } from '../support/aws.ts'
import { form } from './form.ts'
import { type Call, httpApiEvent, restApiEvent } from './gateway-events.ts'
import { buildTestApi, createTestUser, NO_TRACES, readObject, type TestUser } from './support.ts'

const aws = await startAws(t)
const api = await buildTestApi(t, aws, { env: { MAX_UPLOAD_BYTES: '1000000' } })
const handler = createLambdaHandler(api.app)
const records = { dynamodb: aws.dynamodb, table: names.uploadsTable }
const results = createResultStore(records)
const store = createUploadStore(records)
const awsRequestId = 'c6af9ac6-7b61-11e6-9a41-93e8deadbeef'
const context = { awsRequestId, getRemainingTimeInMillis: () => 30_000 } as Context

const shapes: Record<string, (call: Call) => GatewayEvent> = {
  'HTTP API (2.0)': httpApiEvent,
  'REST API (1.0)': restApiEvent,
}

const bytes = Buffer.from([0, 255, 254, 10, 13, 0, 200])

t.test('all links and Locations begin with PUBLIC_PATH', async t => {
  const { app } = await buildTestApi(t, aws, { env: { PUBLIC_PATH: '/api' } })
  const { auth } = await createTestUser(aws)
  const post = async (url: string, headers: Record<string, string>, payload = '') =>
    await app.inject({ method: 'POST', url, headers: { ...auth, ...headers }, payload })
  const json = JSON.stringify({ filename: 'a.txt', content: 'a' })
  const made = await post('/uploads', { 'content-type': 'application/json' }, json)
  t.match(made.headers.location, /^\/api\/uploads\/[0-9a-f-]{36}$/)
  const tus = await post('/uploads/tus', { 'tus-resumable': '1.0.0', 'upload-length': '3' })
  t.match(tus.headers.location, /^\/api\/uploads\/tus\/[0-9a-f-]{36}$/)
  await post('/uploads', { 'content-type': 'application/json' }, json)
  const page = await app.inject({ url: '/uploads?limit=1', headers: auth })
  t.match(page.headers.link, /^<\/api\/uploads\?.*>; rel="next"$/)
  t.equal(`<${page.json().next}>; rel="next"`, page.headers.link, 'the same link in the body and the header')
  const wanted = JSON.stringify({ filename: 'a.txt', contentType: 'text/plain', size: 1 })
  const granted = await post('/uploads/grants', { 'content-type': 'application/json' }, wanted)
  const { complete, renew } = granted.json()
  t.strictSame(
    [complete, renew],
    ['/complete', '/grant'].map(end => `${granted.headers.location}${end}`),
  )
  t.equal((await app.inject({ url: renew.slice(4), headers: auth })).json().complete, complete)
  const content = await app.inject({ url: `${String(made.headers.location).slice(4)}/content`, headers: auth })
  t.match(content.headers.location, /^http:/, 'a URL of S3 is not changed')
})

for (const [shape, eventOf] of Object.entries(shapes)) {
  const call = async (user: TestUser | undefined, given: Call) => {
    const headers = { ...given.headers, ...user?.auth }
    const result = await handler(eventOf({ ...given, headers }), context)
    const body: unknown = JSON.parse(result.body)
    return { ...result, body: body as Record<string, unknown> & { s3: { key: string } } }
  }
  const json = { 'content-type': 'application/json' }

  t.test(`${shape}: a JSON upload is accepted and can be read`, async t => {
    const user = await createTestUser(aws)
    const body = JSON.stringify({ filename: 'a.txt', content: 'hello – 写真' })
    const answer = await call(user, { method: 'POST', path: '/uploads', headers: json, body })
    t.match(answer, { statusCode: 200, isBase64Encoded: false, body: { filename: 'a.txt', status: 'queued' } })
    t.equal((await readObject(aws, answer.body.s3.key)).bytes.toString(), 'hello – 写真')
    const location = String(answer.headers?.location)
    t.match(await call(user, { method: 'GET', path: location }), { statusCode: 200, body: { filename: 'a.txt' } })
  })

  t.test(`${shape}: a raw body in base64 with a comma in its file name arrives byte for byte`, async t => {
    const user = await createTestUser(aws)
    const answer = await call(user, {
      method: 'POST',
      path: '/uploads',
      query: { filename: 'a,b + c.png' },
      headers: { 'content-type': 'image/png' },
      body: bytes,
    })
    t.match(answer, {
      statusCode: 200,
      body: { filename: 'a,b + c.png', contentType: 'image/png', size: bytes.length },
    })
    t.ok((await readObject(aws, answer.body.s3.key)).bytes.equals(bytes))
  })

  t.test(`${shape}: a form in base64 arrives byte for byte`, async t => {
    const user = await createTestUser(aws)
    const { body, headers } = form([{ name: 'file', filename: 'a.png', type: 'image/png', value: bytes }])
    const answer = await call(user, { method: 'POST', path: '/uploads', headers, body })
    t.match(answer, { statusCode: 200, body: { filename: 'a.png', size: bytes.length } })
    t.ok((await readObject(aws, answer.body.s3.key)).bytes.equals(bytes))
  })

  t.test(`${shape}: an invalid request gets a problem, and nothing is stored`, async t => {
    const user = await createTestUser(aws)
    const cut = form([{ name: 'file', filename: 'a', value: 'x' }], { end: '' })
    const large = Buffer.alloc(1_000_001)
    const cases: Array<[Call, number]> = [
      [{ method: 'POST', path: '/uploads', headers: json, body: '{' }, 400],
      [{ method: 'POST', path: '/uploads', headers: json }, 400],
      [{ method: 'POST', path: '/uploads', headers: cut.headers, body: cut.body }, 400],
      [{ method: 'POST', path: '/uploads', query: { filename: '../a' }, body: 'x' }, 400],
      [{ method: 'POST', path: '/uploads', query: { filename: 'a' }, body: large }, 413],
      [{ method: 'POST', path: '/uploads', body: 'x' }, 415],
      [{ method: 'PUT', path: '/uploads' }, 405],
      [{ method: 'GET', path: '/nothing' }, 404],
    ]
    for (const [given, status] of cases) {
      const { statusCode, headers } = await call(user, given)
      t.equal(statusCode, status, `${given.method} ${given.path}`)
      t.equal(headers?.['content-type'], 'application/problem+json')
    }
    t.same(await user.traces(), NO_TRACES)
  })

  t.test(`${shape}: only the token identifies the user, not a header of the gateway`, async t => {
    const forged = { 'x-apigateway-event': encodeURIComponent(JSON.stringify({ requestContext: { authorizer: {} } })) }
    const answer = await call(undefined, {
      method: 'POST',
      path: '/uploads',
      headers: { ...json, ...forged },
      body: '{}',
    })
    t.match(answer, { statusCode: 401, headers: { 'www-authenticate': 'Bearer' } })
  })

  t.test(`${shape}: a request has one log line with the id in the gateway’s log`, async t => {
    const logged = api.log.length
    const headers = { 'x-request-id': "the-client's-own" }
    for (const path of ['/nothing', '/uploads', '/openapi.json']) {
      await handler(eventOf({ method: 'GET', path, headers }), context)
    }
    const { requestId, ...rest } = eventOf({ method: 'GET', path: '/' }).requestContext
    const lines = api.log.slice(logged).map(line => JSON.parse(line) as Record<string, unknown>)
    const requests = lines.filter(({ msg }) => String(msg).startsWith('request') && msg !== 'request refused')
    t.match(requests, [
      { msg: 'request', path: '/nothing', status: 404 },
      { msg: 'request', path: '/uploads', status: 401 },
    ])
    t.equal(requests.length, 2, 'the request for /openapi.json is not logged')
    for (const line of requests) {
      t.equal(line.gatewayRequestId, requestId)
      t.equal(line.gatewayExtendedRequestId, 'extendedRequestId' in rest ? rest.extendedRequestId : undefined)
    }
  })

  t.test(
    `${shape}: a text that the gateway damaged is rejected, and one with its length or digest is accepted`,
    async t => {
      const user = await createTestUser(aws)
      const sent = Buffer.from('caf\xe9 cr\xe8me', 'latin1')
      const text = { 'content-type': 'text/plain; charset=iso-8859-1', 'content-length': String(sent.length) }
      const post = (headers: Record<string, string>, body: string) =>
        call(user, { method: 'POST', path: '/uploads', query: { filename: 'a.txt' }, headers, body })
      const refused = await post(text, sent.toString())
      t.match(refused, { statusCode: 415, body: { detail: /application\/octet-stream/ } })
      t.match(await post({ ...text, 'content-length': '3' }, Buffer.from([0xf0, 0x9f, 0x98]).toString()), {
        statusCode: 415,
      })
      // Without a replacement character only the length shows the damage.
      t.match(await post({ ...text, 'content-length': '10' }, 'café crème'), { statusCode: 415 })
      t.same(await user.traces(), NO_TRACES)
      t.match(await post({ ...text, 'content-length': '12' }, 'café crème'), { statusCode: 200 })
      const own = 'its own \uFFFD'
      const digest = `sha-256=:${createHash('sha256').update(own).digest('base64')}:`
      t.match(await post({ 'content-type': 'text/plain', 'content-digest': digest }, own), { statusCode: 200 })
      t.match(await call(undefined, { method: 'POST', path: '/uploads', headers: text, body: '\uFFFD' }), {
        statusCode: 401,
      })
    },
  )

  t.test(`${shape}: an output in DynamoDB is returned byte for byte, and one in S3 by a redirect`, async t => {
    const user = await createTestUser(aws)
    const picture = await sharp({ create: { width: 320, height: 200, channels: 3, background: '#369' } })
      .webp()
      .toBuffer()
    for (const [contentType, body, isBase64Encoded] of [
      ['image/webp', picture, true],
      ['application/x-thing', bytes, true],
      ['text/plain', Buffer.from('caf\xe9', 'latin1'), true],
      ['image/png', Buffer.from('all of this is UTF-8: é \ufeff \0'), false],
      ['text/plain', Buffer.from('\ufeffhello'), false],
      ['application/octet-stream', Buffer.alloc(0), false],
    ] as const) {
      const sent = await call(user, { method: 'POST', path: '/uploads', headers: json, body: '{"content":"x"}' })
      const { uploadId, s3: source } = sent.body as unknown as { uploadId: string; s3: { bucket: string; key: string } }
      const transform = { name: 'image', version: '1' }
      await results.put({ name: 'main', contentType, body, madeOf: uploadId, source, transform })
      const output = { name: 'main', contentType, size: body.byteLength }
      const upload = { owner: user.sub, uploadId }
      await store.markProcessed(upload, source, undefined, { outputs: [{ ...output, isItem: true }], transform })
      const path = `/uploads/${uploadId}/processed`
      const got = await handler(eventOf({ method: 'GET', path, headers: user.auth }), context)
      t.match(got, { statusCode: 200, isBase64Encoded }, contentType)
      const left = Buffer.from(got.body, got.isBase64Encoded ? 'base64' : 'utf8')
      t.ok(left.equals(body), `${contentType}: ${left.length} bytes of ${body.length}`)

      await store.markProcessed(upload, source, source, { outputs: [output], transform })
      const redirect = await handler(eventOf({ method: 'GET', path, headers: user.auth }), context)
      t.match(redirect, { statusCode: 302, headers: { location: /^http/ } })
    }
  })

  t.test(`${shape}: an image of /docs is returned in base64`, async t => {
    const result = await handler(eventOf({ method: 'GET', path: '/docs/static/favicon-32x32.png' }), context)
    t.match(result, { statusCode: 200, isBase64Encoded: true })
    t.same([...Buffer.from(result.body, 'base64').subarray(1, 4)], [...Buffer.from('PNG')])
  })
}

const run = promisify(execFile)
const entry = new URL('../../services/api/lambda.ts', import.meta.url).href
const here = fileURLToPath(new URL('../..', import.meta.url))

t.test('the entry of the function handles an event, configured only by its environment', async t => {
  const user = await createTestUser(aws)
  const call = {
    method: 'POST',
    path: '/uploads',
    headers: { ...user.auth, 'content-type': 'application/json' },
    body: '{}',
  }
  const script = `
    const { handler } = await import(process.env.ENTRY)
    const { statusCode, body } = await handler(JSON.parse(process.env.EVENT), { getRemainingTimeInMillis: () => 30_000 })
    process.stderr.write(JSON.stringify({ statusCode, status: JSON.parse(body).status }))
    process.exit(0)`
  const env = { ...aws.env, ENTRY: entry, EVENT: JSON.stringify(httpApiEvent(call)), PATH: process.env.PATH }
  const { stderr } = await run(process.execPath, ['--input-type=module', '-e', script], { env, cwd: here })
  t.same(JSON.parse(stderr), { statusCode: 200, status: 'queued' })
})

t.test('the entry of the function fails with the name of an invalid variable', async t => {
  const env = { ...aws.env, UPLOAD_BUCKET: '', PATH: process.env.PATH }
  await t.rejects(
    run(process.execPath, ['--input-type=module', '-e', `await import(${JSON.stringify(entry)})`], { env }),
    {
      code: 1,
      stderr: /UPLOAD_BUCKET: is required/,
    },
  )
})
