import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { QueryCommand } from '@aws-sdk/client-dynamodb'
import type { Context } from 'aws-lambda'
import t from 'tap'
import { uploadIdAt } from '../../services/api/idempotency/accept-once.ts'
import { idempotencyKey } from '../../services/api/idempotency/idempotency-key.ts'
import { createLambdaHandler } from '../../services/api/lambda-handler.ts'
import { CLAIM_MS } from '../../services/api/services.ts'
import { createIdempotencyStore } from '../../services/uploads/records/idempotency-store.ts'
import { timeOfUploadId } from '../../services/uploads/records/upload-id.ts'
import { startAws } from '../support/aws.ts'
import { operation, startFaultProxy } from '../support/fault-proxy.ts'
import { internalError } from '../support/faults/aws-errors.ts'
import { hold } from '../support/faults/faults.ts'
import { form } from './form.ts'
import { httpApiEvent } from './gateway-events.ts'
import {
  type Answer,
  ask,
  buildTestApi,
  createTestUser,
  eventually,
  isProblem,
  NO_TRACES,
  type TestUser,
} from './support.ts'

const aws = await startAws(t)
const api = await buildTestApi(t, aws)
const table = aws.env.UPLOADS_TABLE ?? ''

interface Sent {
  url?: string
  query?: string
  key?: string
  headers?: Record<string, string>
  body: string | Uint8Array<ArrayBuffer>
}

const send = (user: TestUser, { url = api.url, query = '', key, headers, body }: Sent): Promise<Answer> =>
  ask(`${url}/uploads${query}`, {
    method: 'POST',
    headers: { ...user.auth, ...(key !== undefined && { 'idempotency-key': key }), ...headers },
    body,
  })

const json = { 'content-type': 'application/json' }
const raw = { 'content-type': 'application/x-any' }
const asForm = (parts: Parameters<typeof form>[0]) => {
  const { body, headers } = form(parts)
  // A different boundary each time, because clients generate a new one.
  const text = body.toString('latin1').replaceAll('headgate-test-boundary', randomUUID())
  const boundary = /^--(\S+)/.exec(text)?.[1]
  return {
    body: Buffer.from(text, 'latin1'),
    headers: { ...headers, 'content-type': `multipart/form-data; boundary=${boundary}` },
  }
}
const file = (value: string, filename = 'a.txt') => ({ name: 'file', filename, type: 'text/plain', value })

t.test('a quoted key equals the same key without quotes', async t => {
  t.equal(idempotencyKey(undefined), undefined)
  t.equal(idempotencyKey('8e03978e-40d5-43dd-bc93-6894a57f9324'), '8e03978e-40d5-43dd-bc93-6894a57f9324')
  t.equal(idempotencyKey('"8e03978e"'), '8e03978e')
  t.equal(idempotencyKey('"a \\" b \\\\"'), 'a " b \\')
  t.equal(idempotencyKey('x'.repeat(255))?.length, 255)
  for (const wrong of ['', '""', 'a b', 'a, b', '"a', 'a"', 'ü', 'a\tb', 'x'.repeat(256), ['a', 'b'], '"a"; b']) {
    t.throws(() => idempotencyKey(wrong), { code: 'HEADGATE_PROBLEM' }, JSON.stringify(wrong))
  }
})

t.test('the ids of a request are derived from its first id', async t => {
  const first = '019ab3c4-0001-7abc-8def-0123456789ab'
  const ids = [0, 1, 2].map(index => uploadIdAt(first, index))
  t.same(
    ids,
    [0, 1, 2].map(index => uploadIdAt(first, index)),
  )
  t.equal(ids[0], first)
  t.equal(new Set(ids).size, 3)
  for (const id of ids) {
    t.match(id, /^019ab3c4-0001-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    t.equal(timeOfUploadId(id), 0x019ab3c40001)
  }
})

const formats: Record<string, () => Omit<Sent, 'key'>> = {
  json: () => ({ headers: json, body: '{"filename":"a.txt","content":"hello"}' }),
  'json without a name': () => ({ headers: json, body: '{}' }),
  raw: () => ({ query: '?filename=a.bin', headers: raw, body: Buffer.from('hello') }),
  form: () => asForm([file('hello')]),
  'form with several files': () => asForm([file('one'), file('two', 'b.txt'), file('one')]),
}

t.test('a repeated request with the same key is processed once and gets the first response again', async t => {
  for (const [format, make] of Object.entries(formats)) {
    const user = await createTestUser(aws)
    const key = randomUUID()
    const first = await send(user, { ...make(), key })
    t.equal(first.status, 200, format)
    t.equal(first.headers.get('idempotent-replayed'), null, format)
    const traces = await user.traces()
    for (const name of [key, `"${key}"`]) {
      const again = await send(user, { ...make(), key: name })
      t.match(again, { status: first.status, body: first.body }, format)
      t.equal(again.headers.get('location'), first.headers.get('location'), format)
      t.equal(again.headers.get('idempotent-replayed'), 'true', format)
    }
    t.same(await user.traces(), traces, `${format}: nothing is created again`)
    const other = await send(user, { ...make(), key: randomUUID() })
    t.notSame(other.body, first.body, `${format}: another key is a new request`)
  }
})

const large = randomBytes(9 * 1024 ** 2)

const others: Array<[string, Omit<Sent, 'key'>, Omit<Sent, 'key'>]> = [
  ['another content', { headers: json, body: '{"content":"a"}' }, { headers: json, body: '{"content":"b"}' }],
  ['another name', { headers: json, body: '{"filename":"a"}' }, { headers: json, body: '{"filename":"b"}' }],
  [
    'another name in the query',
    { query: '?filename=a', headers: raw, body: 'x' },
    { query: '?filename=b', headers: raw, body: 'x' },
  ],
  [
    'another type',
    { query: '?filename=a', headers: raw, body: 'x' },
    { query: '?filename=a', headers: { 'content-type': 'a/b' }, body: 'x' },
  ],
  ['another format', { headers: json, body: '{}' }, { query: '?filename=a', headers: json, body: '{}' }],
  [
    'a longer file',
    { query: '?filename=a', headers: raw, body: 'x' },
    { query: '?filename=a', headers: raw, body: large },
  ],
  ['one file more', asForm([file('a')]), asForm([file('a'), file('b')])],
  ['other files', asForm([file('a'), file('b')]), asForm([file('b'), file('a')])],
]

t.test('a different request with the key gets 422 and leaves nothing', async t => {
  for (const [what, first, second] of others) {
    const user = await createTestUser(aws)
    const key = randomUUID()
    t.equal((await send(user, { ...first, key })).status, 200, what)
    const traces = await user.traces()
    isProblem(t, await send(user, { ...second, key }), 422, 'idempotency-key-reused', what)
    t.same(await user.traces(), traces, what)
  }
})

t.test('the keys of two owners are independent', async t => {
  const [first, second] = [await createTestUser(aws), await createTestUser(aws)]
  const key = randomUUID()
  const one = await send(first, { headers: json, body: '{"content":"a"}', key })
  const two = await send(second, { headers: json, body: '{"content":"b"}', key })
  t.equal(two.status, 200)
  t.not(one.body.uploadId, two.body.uploadId)
})

t.test('while the first request is in flight, the second gets 409', async t => {
  const user = await createTestUser(aws)
  const key = randomUUID()
  const headers = { ...user.auth, ...raw, 'idempotency-key': key }
  const slow = request(`${api.url}/uploads?filename=a`, { method: 'POST', headers })
  const answered = once(slow, 'response')
  slow.write('first half, ')
  // The claim is written before the body is read, so the upload is in flight when the claim exists.
  await eventually(async () => (await claimsOf(user)) === 1)
  const second = await send(user, { query: '?filename=a', headers: raw, body: 'first half, second half', key })
  isProblem(t, second, 409, 'idempotency-key-in-use')
  t.match(second.headers.get('retry-after'), /^\d+$/)
  slow.end('second half')
  const [response] = await answered
  t.equal(response.statusCode, 200)
  response.resume()
  const third = await send(user, { query: '?filename=a', headers: raw, body: 'first half, second half', key })
  t.equal(third.headers.get('idempotent-replayed'), 'true')
  t.equal((await user.traces()).records.length, 1)
})

async function claimsOf({ sub }: TestUser): Promise<number> {
  const query = new QueryCommand({
    TableName: table,
    KeyConditionExpression: '#owner = :owner',
    ExpressionAttributeNames: { '#owner': 'owner' },
    ExpressionAttributeValues: { ':owner': { S: `idempotency#${sub}` } },
  })
  return (await aws.dynamodb.send(query)).Count ?? 0
}

t.test('ten concurrent requests become one upload', async t => {
  const user = await createTestUser(aws)
  const key = randomUUID()
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => send(user, { headers: json, body: '{"content":"x"}', key })),
  )
  for (const answer of answers) {
    if (answer.status !== 200) isProblem(t, answer, 409, 'idempotency-key-in-use')
  }
  t.ok(answers.some(({ status }) => status === 200))
  t.equal((await user.traces()).records.length, 1)
})

t.test('a rejected request releases its key', async t => {
  const user = await createTestUser(aws)
  const key = randomUUID()
  const wrong = `sha-256=:${Buffer.alloc(32).toString('base64')}:`
  const sent = { query: '?filename=a', key, body: 'x' }
  isProblem(t, await send(user, { ...sent, headers: { ...raw, 'content-digest': wrong } }), 400, 'digest-mismatch')
  t.same(await user.traces(), NO_TRACES)
  t.equal((await send(user, { ...sent, headers: { 'content-type': 'a/b' } })).status, 200, 'another content type')
})

t.test('an invalid key is rejected, and nothing is stored', async t => {
  const user = await createTestUser(aws)
  for (const key of ['', 'a b', 'x'.repeat(256), 'a, b']) {
    isProblem(t, await send(user, { headers: json, body: '{}', key }), 400, 'invalid-idempotency-key', key.slice(0, 9))
  }
  t.same(await user.traces(), NO_TRACES)
})

/** Creates a store of keys whose clock is `later` milliseconds ahead. */
function createStore(later = 0) {
  const now = () => Date.now() + later
  return createIdempotencyStore({ dynamodb: aws.dynamodb, table, claimMs: CLAIM_MS, keepMs: 86_400_000, now })
}

const later = (ms: number) =>
  buildTestApi(t, aws, { services: services => ({ ...services, idempotency: createStore(ms) }) })

for (const [name, make] of Object.entries(formats)) {
  t.test(`${name}: a retry after the process died creates one upload, at any point of the first request`, async t => {
    const user = await createTestUser(aws)
    const key = randomUUID()
    const proxy = await startFaultProxy(t, aws.endpoints.dynamodb)
    const dying = await buildTestApi(t, aws, { endpoints: { dynamodb: proxy.url } })
    // Like a process that died, the api can neither store the response nor release the claim.
    proxy.inject(internalError('dynamodb'), {
      when: request => operation('UpdateItem')(request) && proxy.count(operation('PutItem')) > 1,
    })
    const first = await send(user, { ...make(), url: dying.url, key })
    const made = (await user.traces()).records.map(({ uploadId }) => uploadId)
    const waiting = await send(user, { ...make(), key })
    isProblem(t, waiting, 409, 'idempotency-key-in-use')
    const afterwards = await later(CLAIM_MS + 1_000)
    const again = await send(user, { ...make(), url: afterwards.url, key })
    t.ok(again.status === 200 || again.status === 202, `${again.status}`)
    const { records, objects } = await user.traces()
    t.equal(records.length, objects.length)
    if (first.status < 300) {
      t.same(
        records.map(({ uploadId }) => uploadId),
        made,
        'nothing is created twice',
      )
    }
    t.match(
      await send(user, { ...make(), key }),
      { status: again.status, body: again.body },
      'the response of the retry is stored',
    )
  })
}

t.test(
  'after the process died, a different request with the key is rejected if the first one was recorded',
  async t => {
    const user = await createTestUser(aws)
    const key = randomUUID()
    const proxy = await startFaultProxy(t, aws.endpoints.dynamodb)
    const dying = await buildTestApi(t, aws, { endpoints: { dynamodb: proxy.url } })
    proxy.inject(internalError('dynamodb'), {
      when: request => operation('UpdateItem')(request) && proxy.count(operation('PutItem')) > 1,
    })
    t.equal((await send(user, { headers: json, body: '{"content":"a"}', url: dying.url, key })).status, 200)
    const { url } = await later(CLAIM_MS + 1_000)
    isProblem(t, await send(user, { headers: json, body: '{"content":"b"}', url, key }), 422, 'idempotency-key-reused')
    // It is unknown whether the event was published before the process died. It is published again, with the same effect.
    t.equal((await send(user, { headers: json, body: '{"content":"a"}', url, key })).status, 200)
    t.equal((await user.traces()).records.length, 1)
  },
)

t.test('a retry whose upload was deleted meanwhile gets 503, and the next retry creates another upload', async t => {
  const user = await createTestUser(aws)
  const key = randomUUID()
  const proxy = await startFaultProxy(t, aws.endpoints.dynamodb)
  const dying = await buildTestApi(t, aws, { endpoints: { dynamodb: proxy.url } })
  proxy.inject(internalError('dynamodb'), {
    when: request => operation('UpdateItem')(request) && proxy.count(operation('PutItem')) > 1,
  })
  const request = { headers: json, body: '{"content":"a"}', key }
  const first = await send(user, { ...request, url: dying.url })
  const { uploadId } = first.body
  await fetch(`${api.url}/uploads/${uploadId}`, { method: 'DELETE', headers: user.auth })
  const { url } = await later(CLAIM_MS + 1_000)
  const refused = await send(user, { ...request, url })
  isProblem(t, refused, 503, 'unavailable')
  t.match(refused.body.detail, /Nothing was accepted/)
  const again = await send(user, { ...request, url })
  t.match(again, { status: 200 })
  t.not(again.body.uploadId, uploadId)
  const { objects, records } = await user.traces()
  t.equal(objects.length, 1)
  t.same(records.map(({ status }) => status).sort(), ['deleted', 'queued'])
})

t.test('a key expires after a day', async t => {
  const user = await createTestUser(aws)
  const key = randomUUID()
  await send(user, { headers: json, body: '{"content":"a"}', key })
  const { url } = await later(86_400_000 + 2_000)
  t.equal((await send(user, { headers: json, body: '{"content":"b"}', url, key })).status, 200)
  t.equal((await user.traces()).records.length, 2)
})

t.test('a claim that another request took over can not be extended, completed or released', async t => {
  const store = createStore()
  const owner = randomUUID()
  const first = { fingerprint: 'f', uploadId: 'u' }
  const one = await store.claim({ owner, key: 'k' }, first)
  const two = await createStore(CLAIM_MS + 1_000).claim({ owner, key: 'k' }, { ...first, uploadId: 'v' })
  if (!('claim' in one && 'claim' in two)) return t.fail('both requests get the claim')
  t.match(two.claim, { uploadId: 'u', isRetry: true }, 'the same upload')
  t.equal(await store.extend(one.claim), false)
  t.equal(await store.complete(one.claim, { payload: 'p', answer: 'a' }), false)
  await store.release(one.claim)
  t.equal(await store.complete(two.claim, { payload: 'p', answer: 'a' }), true)
  t.match(await store.claim({ owner, key: 'k' }, first), { entry: { payload: 'p', answer: 'a', uploadId: 'u' } })
})

t.test('while DynamoDB does not respond, a request with a key gets 503', async t => {
  const own = await buildTestApi(t, aws, { endpoints: { dynamodb: 'http://127.0.0.1:1' } })
  const user = await createTestUser(aws)
  isProblem(t, await send(user, { url: own.url, headers: json, body: '{}', key: 'k' }), 503, 'unavailable')
  t.same(await user.traces(), NO_TRACES)
})

t.test('behind Lambda a repeated request gets the first response again', async t => {
  const user = await createTestUser(aws)
  const handler = createLambdaHandler(api.app)
  const headers = { ...user.auth, ...json, 'Idempotency-Key': randomUUID() }
  const call = () =>
    handler(httpApiEvent({ method: 'POST', path: '/uploads', headers, body: '{"content":"x"}' }), {
      getRemainingTimeInMillis: () => 30_000,
    } as Context)
  const [first, second] = [await call(), await call()]
  t.equal(first.statusCode, 200)
  t.equal(second.headers?.['idempotent-replayed'], 'true')
  t.same(JSON.parse(second.body), JSON.parse(first.body))
})

t.test('the key of a form whose client disconnects is released at once', async t => {
  const dynamodb = await startFaultProxy(t, aws.endpoints.dynamodb)
  const own = await buildTestApi(t, aws, { endpoints: { dynamodb: dynamodb.url } })
  const user = await createTestUser(aws)
  const key = randomUUID()
  const { body, headers } = asForm([file('complete')])
  const { promise: gone, resolve: leave } = Promise.withResolvers<void>()
  const claim = dynamodb.inject(hold(gone), { times: 1 })
  const { hostname, port } = new URL(own.url)
  const socket = connect({ host: hostname, port: Number(port) })
  const fields = {
    host: 'api.example',
    ...user.auth,
    ...headers,
    'idempotency-key': key,
    'content-length': body.length,
  }
  const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(Buffer.concat([Buffer.from(`POST /uploads HTTP/1.1\r\n${head.join('')}\r\n`), body.subarray(0, 50)]))
  await claim.reached()
  socket.resetAndDestroy()
  await eventually(() => own.log.some(line => line.includes('request broken off')))
  leave()
  await eventually(async () => (await send(user, { url: own.url, key, headers, body })).status === 200)
  t.match(await user.traces(), { records: [{ filename: 'a.txt' }] })
})
