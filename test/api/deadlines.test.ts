import { randomBytes } from 'node:crypto'
import type { Context } from 'aws-lambda'
import t, { type Test } from 'tap'
import { createLambdaHandler } from '../../services/api/lambda-handler.ts'
import { createUploadStore } from '../../services/uploads/records/store.ts'
import { startAws } from '../support/aws.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { silence } from '../support/faults/faults.ts'
import { startSilent } from '../support/silent.ts'
import { form } from './form.ts'
import { httpApiEvent } from './gateway-events.ts'
import { grant, partsOf, send } from './grants/support.ts'
import { makeKey, signToken } from './issuer.ts'
import {
  ask,
  buildTestApi,
  createTestUser,
  eventually,
  isProblem,
  postJson,
  type TestApi,
  type TestUser,
} from './support.ts'
import { tusClient, uploadIdOf } from './tus/client.ts'

const MIB = 1024 ** 2
const DEADLINE_MS = 3_000
/** The deadline, 2 s to clean up, and time for a busy machine. Without a deadline a response takes over a minute. */
const LATEST_MS = 10_000
const parts = { GRANT_PARTS_ABOVE_BYTES: String(8 * MIB) }
const env = { ...parts, ANSWER_TIMEOUT_MS: String(DEADLINE_MS) }

const aws = await startAws(t)
const silent = await startSilent(t)
const healthy = await buildTestApi(t, aws, { ownClients: true, env: parts })
const user = await createTestUser(aws)

// Each test mostly waits for deadlines, with an api of its own.
t.jobs = 10

interface Call {
  method: string
  path: string
  headers?: Record<string, string>
  body?: Buffer | string
}

const json = { 'content-type': 'application/json' }
const tus = { 'tus-resumable': '1.0.0' }
const octets = { ...tus, 'content-type': 'application/offset+octet-stream' }

/** Creates the uploads that the requests need, while all services respond. */
async function prepare() {
  const upload = async () => {
    const { status, body } = await postJson(healthy, user, { content: 'x' })
    if (status !== 200) throw new Error(`Not accepted: ${status} ${JSON.stringify(body)}`)
    return body as { uploadId: string; s3: { bucket: string; key: string } }
  }
  const { uploadId: queued } = await upload()
  const { uploadId, s3 } = await upload()
  const store = createUploadStore({ dynamodb: aws.dynamodb, table: aws.env.UPLOADS_TABLE ?? '' })
  await store.markProcessed({ owner: user.sub, uploadId }, s3, { bucket: aws.env.PROCESSED_BUCKET ?? '', key: 'p' })
  const put = await grant(healthy, user, { size: 3 })
  if (put.put) await send(put.put, Buffer.from('abc'))
  const large = await grant(healthy, user, { size: 9 * MIB })
  const pieces = partsOf(large, randomBytes(9 * MIB))
  for (const [n, part] of (large.parts ?? []).entries()) await send(part, pieces[n] ?? Buffer.alloc(0))
  const client = tusClient(healthy, user)
  const [patched, ended] = [await client.begin(9 * MIB), await client.begin(9 * MIB)]
  return { queued, processed: uploadId, put: put.uploadId, parts: large.uploadId, patched, ended }
}

const made = await prepare()
const { body: formBody, headers: formHeaders } = form([{ name: 'file', filename: 'a.txt', value: Buffer.from('x') }])
const announced = (size: number) => JSON.stringify({ filename: 'a.bin', contentType: 'application/x-test', size })

/** A request for every route, with the expected status while only S3 is silent. All of them need DynamoDB. */
const calls: Record<string, Call & { withoutS3: number }> = {
  'JSON upload': { method: 'POST', path: '/uploads', headers: json, body: '{"content":"x"}', withoutS3: 503 },
  'upload with a key': {
    ...{ method: 'POST', path: '/uploads', headers: { ...json, 'idempotency-key': 'k1' }, body: '{"content":"x"}' },
    withoutS3: 503,
  },
  form: { method: 'POST', path: '/uploads', headers: formHeaders, body: Buffer.from(formBody), withoutS3: 503 },
  raw: { method: 'POST', path: '/uploads?filename=a.bin', body: Buffer.from('raw'), withoutS3: 503 },
  list: { method: 'GET', path: '/uploads', withoutS3: 200 },
  status: { method: 'GET', path: `/uploads/${made.queued}`, withoutS3: 200 },
  wait: { method: 'GET', path: `/uploads/${made.queued}?wait=20`, withoutS3: 200 },
  content: { method: 'GET', path: `/uploads/${made.queued}/content`, withoutS3: 503 },
  processed: { method: 'GET', path: `/uploads/${made.processed}/processed`, withoutS3: 503 },
  grant: { method: 'POST', path: '/uploads/grants', headers: json, body: announced(1), withoutS3: 201 },
  'grant in parts': {
    method: 'POST',
    path: '/uploads/grants',
    headers: json,
    body: announced(9 * MIB),
    withoutS3: 503,
  },
  'grant with a key': {
    ...{ method: 'POST', path: '/uploads/grants', headers: { ...json, 'idempotency-key': 'k2' } },
    ...{ body: announced(9 * MIB), withoutS3: 503 },
  },
  renew: { method: 'GET', path: `/uploads/${made.parts}/grant`, withoutS3: 503 },
  complete: { method: 'POST', path: `/uploads/${made.put}/complete`, withoutS3: 503 },
  'complete parts': { method: 'POST', path: `/uploads/${made.parts}/complete`, withoutS3: 503 },
  'tus POST': { method: 'POST', path: '/uploads/tus', headers: { ...tus, 'upload-length': '5' }, withoutS3: 201 },
  'tus POST with bytes': {
    ...{ method: 'POST', path: '/uploads/tus', headers: { ...octets, 'upload-length': '3' }, body: Buffer.from('abc') },
    withoutS3: 503,
  },
  'tus HEAD': { method: 'HEAD', path: made.patched, headers: tus, withoutS3: 200 },
  'tus PATCH': {
    ...{ method: 'PATCH', path: made.patched, headers: { ...octets, 'upload-offset': '0' } },
    ...{ body: Buffer.from('abc'), withoutS3: 503 },
  },
  'tus DELETE': { method: 'DELETE', path: made.ended, headers: tus, withoutS3: 503 },
  delete: { method: 'DELETE', path: `/uploads/${made.queued}`, withoutS3: 202 },
}

const beyondDynamoDb: typeof calls = {
  ...calls,
  output: { method: 'GET', path: `/uploads/${made.processed}/outputs/small`, withoutS3: 404 },
  events: { method: 'GET', path: `/uploads/${made.queued}/events`, withoutS3: 200 },
}

async function call({ url }: Pick<TestApi, 'url'>, { auth }: TestUser, { method, path, headers, body }: Call) {
  const began = performance.now()
  const init = { method, headers: { ...headers, ...auth }, ...(body !== undefined && { body }) }
  const response = await fetch(new URL(path, url), init)
  const text = await response.text()
  return { response, text, ms: performance.now() - began }
}

function isLate(t: Test, name: string, answer: Awaited<ReturnType<typeof call>>): void {
  const { response, text, ms } = answer
  t.equal(response.status, 503, `${name}: status`)
  t.match(response.headers.get('retry-after'), /^\d+$/, `${name}: Retry-After`)
  t.equal(response.headers.get('content-type'), 'application/problem+json', `${name}: content type`)
  if (text !== '') t.match(JSON.parse(text), { type: 'urn:headgate:problem:unavailable' }, `${name}: body`)
  t.ok(ms < LATEST_MS, `${name}: after ${Math.round(ms)} ms`)
}

t.test('every route responds with 503 in time while DynamoDB accepts requests and stays silent', async t => {
  const api = await buildTestApi(t, aws, { ownClients: true, env, endpoints: { dynamodb: silent } })
  const answers = Object.entries(beyondDynamoDb).map(async ([name, one]) => isLate(t, name, await call(api, user, one)))
  await Promise.all(answers)
})

t.test('every route that needs S3 responds with 503 in time while S3 accepts requests and stays silent', async t => {
  const api = await buildTestApi(t, aws, { ownClients: true, env, endpoints: { s3: silent } })
  async function check(name: string, one: Call & { withoutS3: number }): Promise<void> {
    const answer = await call(api, user, one)
    if (one.withoutS3 === 503) isLate(t, name, answer)
    else {
      t.equal(answer.response.status, one.withoutS3, name)
      t.ok(answer.ms < LATEST_MS, `${name}: after ${Math.round(answer.ms)} ms`)
    }
  }
  // The requests to one upload are sequential, because each one locks or changes the upload.
  const byUpload = Map.groupBy(Object.entries(calls), ([name, { path }]) => {
    const upload = Object.values(made).find(id => path.includes(id))
    return upload ?? name
  })
  const inOrder = async (all: Array<[string, Call & { withoutS3: number }]>) => {
    for (const [name, one] of all) await check(name, one)
  }
  await Promise.all([...byUpload.values()].map(inOrder))
})

t.test('a call to AWS ends with its request, not 10 s later', async t => {
  const asked: Record<'s3' | 'dynamodb', string[]> = {
    s3: ['JSON upload', 'grant in parts'],
    dynamodb: ['JSON upload', 'status', 'list'],
  }
  for (const [service, names] of Object.entries(asked) as Array<['s3' | 'dynamodb', string[]]>) {
    const proxy = await startFaultProxy(t, aws.endpoints[service])
    const api = await buildTestApi(t, aws, { ownClients: true, env, endpoints: { [service]: proxy.url } })
    for (const name of names) {
      let ended = 0
      const silent = proxy.inject(async exchange => {
        await silence(exchange)
        ended++
      })
      isLate(t, name, await call(api, user, calls[name] as Call))
      const answeredAt = performance.now()
      t.ok(silent.hits > 0, `${name}: ${service} was asked`)
      await eventually(() => ended === silent.hits, 15_000)
      const ms = Math.round(performance.now() - answeredAt)
      t.ok(ms < 3_000, `${name}: ${service} was asked for ${ms} ms more`)
      silent.remove()
    }
  }
})

t.test('a large upload gets 503 too if S3 accepts no part or DynamoDB accepts no record', async t => {
  const body = randomBytes(20 * MIB)
  const raw = { method: 'POST', path: '/uploads?filename=a.bin', body }
  const whole = { method: 'POST', path: '/uploads?filename=a.bin', body: randomBytes(200_000) }
  const checks = [{ s3: silent }, { dynamodb: silent }].map(async endpoints => {
    const api = await buildTestApi(t, aws, { ownClients: true, env, endpoints })
    for (const one of [raw, whole]) {
      const { response } = await call(api, await createTestUser(aws), one)
      t.equal(response.status, 503)
      t.match(response.headers.get('retry-after'), /^\d+$/)
    }
  })
  await Promise.all(checks)
})

t.test('while Kinesis accepts requests and stays silent, an upload gets 202 before the deadline', async t => {
  const api = await buildTestApi(t, aws, { ownClients: true, env, endpoints: { kinesis: silent } })
  const { response, ms } = await call(api, await createTestUser(aws), calls['JSON upload'] as Call)
  t.equal(response.status, 202)
  t.ok(ms < LATEST_MS, `after ${Math.round(ms)} ms`)
})

t.test('behind Lambda the response is sent before the invocation ends, for any configured timeout', async t => {
  const api = await buildTestApi(t, aws, { ownClients: true, endpoints: { dynamodb: silent } })
  const handler = createLambdaHandler(api.app)
  const answers = Object.entries(beyondDynamoDb).map(async ([name, { method, path, headers, body }]) => {
    const began = performance.now()
    const context = { getRemainingTimeInMillis: () => 8_000 } as Context
    const [pathname = '', query] = path.replace(/^http:\/\/[^/]*/, '').split('?')
    const given = { method, path: pathname, headers: { ...headers, ...user.auth }, ...(body !== undefined && { body }) }
    const event = httpApiEvent({ ...given, ...(query && { query: Object.fromEntries(new URLSearchParams(query)) }) })
    const answer = await handler(event, context)
    t.equal(answer.statusCode, 503, `${name}: status`)
    t.match(answer.headers, { 'retry-after': /^\d+$/, 'content-type': 'application/problem+json' }, name)
    t.ok(performance.now() - began < 8_000, `${name}: in time`)
  })
  await Promise.all(answers)
})

t.test('an issuer that accepts requests and stays silent causes 503 within seconds', async t => {
  const key = makeKey('k')
  const api = await buildTestApi(t, aws, { ownClients: true, env: { ...env, COGNITO_ISSUER: `${silent}/pool` } })
  const claims = { sub: 's', token_use: 'access', client_id: aws.env.COGNITO_CLIENT_ID, exp: 9_999_999_999 }
  const token = signToken({ iss: `${silent}/pool`, ...claims }, key)
  const began = performance.now()
  const answer = await ask(`${api.url}/uploads`, { headers: { authorization: `Bearer ${token}` } })
  isProblem(t, answer, 503, 'keys-unavailable')
  t.match(answer.headers.get('retry-after'), /^\d+$/)
  t.ok(performance.now() - began < 10_000)
})

t.test('a request whose client keeps sending slowly may outlive the deadline', async t => {
  const chunks = async function* () {
    for (let n = 0; n < 6; n++) {
      await new Promise(resolve => setTimeout(resolve, DEADLINE_MS / 3))
      yield Buffer.alloc(30_000, n)
    }
    // Even a pause longer than the deadline is time of the client.
    await new Promise(resolve => setTimeout(resolve, DEADLINE_MS * 1.5))
    yield Buffer.from('end')
  }
  const body = ReadableStream.from(chunks())
  const api = await buildTestApi(t, aws, { ownClients: true, env })
  const answer = await ask(`${api.url}/uploads?filename=a.bin`, {
    ...{ method: 'POST', headers: { ...user.auth, 'content-type': 'application/x-test' }, body, duplex: 'half' },
  })
  t.match(answer, { status: 200, body: { size: 180_003 } })
})

t.test('the same request with the same Idempotency-Key succeeds once S3 answers again', async t => {
  const api = await buildTestApi(t, aws, { ownClients: true, env, endpoints: { s3: silent } })
  const owner = await createTestUser(aws)
  const one: Call = {
    ...{ method: 'POST', path: '/uploads', headers: { ...json, 'idempotency-key': 'again' } },
    body: '{"filename":"a.txt","content":"x"}',
  }
  isLate(t, 'the first', await call(api, owner, one))
  const { response } = await call(healthy, owner, one)
  t.equal(response.status, 200, 'the key was released')
  t.match(await owner.traces(), { objects: { length: 1 }, openUploads: 0, records: [{ status: 'queued' }] })
})

t.test('a tus upload in parts continues once S3 responds again', async t => {
  const api = await buildTestApi(t, aws, { ownClients: true, env, endpoints: { s3: silent } })
  const owner = await createTestUser(aws)
  const bytes = randomBytes(9 * MIB)
  const url = await tusClient(healthy, owner).begin(bytes.length)
  const patch: Call = { method: 'PATCH', path: url, headers: { ...octets, 'upload-offset': '0' }, body: bytes }
  t.equal((await call(api, owner, patch)).response.status, 503)
  const client = tusClient(healthy, owner)
  const offset = await client.offset(url)
  t.equal((await client.patch(url, offset, bytes.subarray(offset))).status, 204)
  t.match(await owner.traces(), { openUploads: 0, records: [{ uploadId: uploadIdOf(url), status: 'queued' }] })
})
