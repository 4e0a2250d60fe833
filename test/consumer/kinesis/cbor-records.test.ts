import { createHash, createHmac } from 'node:crypto'
import { setImmediate as pass } from 'node:timers/promises'
import { cbor } from '@smithy/core/cbor'
import t from 'tap'
import { createCborRecords } from '../../../services/consumer/kinesis/cbor-records.ts'
import { type Answer, type Asked, answer, CBOR, inCbor, RECORDS, startEndpoint } from './endpoint.ts'

const SHARD = 'shardId-000000000000'
const HOUR_MS = 3_600_000

const getRecordsOf = (kinesis: Parameters<typeof createCborRecords>[0]['kinesis'], requestTimeoutMs = 10_000) => {
  const getRecords = createCborRecords({ kinesis, requestTimeoutMs })
  return (signal?: AbortSignal) => getRecords(SHARD, 'iterator', 10_000, signal && { signal })
}

/** Computes signature version 4 from the received request, by the documentation of AWS. */
function signatureOf({ headers, body }: Asked, secretAccessKey: string): string {
  const [, scope = '', signed = ''] =
    /Credential=[^/]+\/([^,]+), SignedHeaders=([^,]+)/.exec(headers.authorization ?? '') ?? []
  const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex')
  const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest()
  const lines = signed.split(';').map(name => `${name}:${headers[name]}\n`)
  const canonical = ['POST', '/', '', lines.join(''), signed, sha256(body)].join('\n')
  const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`)
  return hmac(key, ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical)].join('\n')).toString('hex')
}

t.test('a request is in CBOR and signed with the credentials of the client', async t => {
  const { asked, client } = await startEndpoint(t, inCbor)
  await getRecordsOf(client())()
  const [request] = asked
  if (!request) return t.fail('there was no request')
  t.same(cbor.deserialize(request.body), { ShardIterator: 'iterator', Limit: 10_000 })
  t.match(request.headers, {
    'content-type': CBOR,
    'x-amz-target': 'Kinesis_20131202.GetRecords',
    'x-amz-security-token': 'token',
    authorization: /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-west-1\/kinesis\/aws4_request, /,
  })
  for (const name of ['host', 'x-amz-date', 'x-amz-target', 'x-amz-security-token']) {
    t.match(request.headers.authorization, new RegExp(`SignedHeaders=[^,]*\\b${name}\\b`), name)
  }
  t.equal(request.headers.authorization?.split('Signature=')[1], signatureOf(request, 'secret'))
})

t.test('a request uses the current credentials', async t => {
  const { asked, client } = await startEndpoint(t, inCbor)
  let turn = 0
  const credentials = async () => ({
    accessKeyId: `AKID${++turn}`,
    secretAccessKey: 'secret',
    expiration: new Date(), // Expired at once, so that the client requests new credentials each time.
  })
  const getRecords = getRecordsOf(client({ credentials }))
  await getRecords()
  await getRecords()
  const ids = asked.map(({ headers }) => /Credential=(\w+)/.exec(headers.authorization ?? '')?.[1])
  t.equal(new Set(ids).size, 2)
})

t.test('a client with the default HTTP/2 handler works', async t => {
  const { client, asked } = await startEndpoint(t, inCbor)
  const { NodeHttp2Handler } = await import('@smithy/node-http-handler')
  const getRecords = getRecordsOf(client({ requestHandler: new NodeHttp2Handler() }))
  await getRecords()
  await getRecords()
  t.equal(asked.length, 2)
  t.match(asked[1]?.headers, { connection: 'keep-alive' })
})

const skewed = (ms: number) =>
  answer(
    403,
    CBOR,
    { __type: 'InvalidSignatureException', message: 'Signature expired' },
    {
      date: new Date(Date.now() + ms).toUTCString(),
    },
  )
const dateOf = ({ headers }: Asked) =>
  Date.parse(String(headers['x-amz-date']).replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))

t.test('clock skew is corrected once per client', async t => {
  const { asked, client } = await startEndpoint(t, skewed(HOUR_MS), inCbor)
  const kinesis = client()
  await getRecordsOf(kinesis)()
  t.equal(asked.length, 2)
  const shifts = asked.map(request => Math.round((dateOf(request) - Date.now()) / 60_000))
  t.same(shifts, [0, 60])
  t.equal(Math.round(kinesis.config.systemClockOffset / 60_000), 60)
})

t.test('a rejected signature is reported if clock skew is absent, persists or must not be corrected', async t => {
  const refused = { name: 'InvalidSignatureException', message: 'Signature expired' }
  for (const [what, shift, config, requests] of [
    ['right', 0, {}, 1],
    ['wrong still', HOUR_MS, {}, 2],
    ['not to be set', HOUR_MS, { disableClockSkewCorrection: true }, 1],
  ] as const) {
    const { asked, client } = await startEndpoint(t, skewed(shift))
    await t.rejects(getRecordsOf(client(config))(), refused, what)
    t.equal(asked.length, requests, what)
  }
})

const resets: Answer = (_, response) => response.socket?.resetAndDestroy()
const never: Answer = () => undefined

t.test('a call on a closed idle connection is retried', async t => {
  const { asked, client } = await startEndpoint(t, inCbor, resets, inCbor)
  const getRecords = getRecordsOf(client())
  await getRecords()
  t.match(await getRecords(), { nextIterator: 'next' })
  t.equal(asked.length, 3)
})

t.test('an endpoint that resets every connection fails the call', async t => {
  const { asked, client } = await startEndpoint(t, resets)
  await t.rejects(getRecordsOf(client())(), { code: 'ECONNRESET' })
  t.equal(asked.length, 2)
})

t.test('a call fails at its timeout if the endpoint does not answer', async t => {
  const { client } = await startEndpoint(t, never)
  await t.rejects(getRecordsOf(client(), 100)(), { name: /TimeoutError|AbortError/ })
})

/** Sends half of a reply. */
const half =
  (then: (response: Parameters<Answer>[1]) => void): Answer =>
  (_, response) => {
    const body = Buffer.from(cbor.serialize({ ...RECORDS, NextShardIterator: 'x'.repeat(100_000) }))
    response.writeHead(200, { 'content-type': CBOR, 'content-length': body.length })
    response.write(body.subarray(0, body.length / 2), () => then(response))
  }

t.test('the signal aborts a call in the middle of its reply', async t => {
  const stop = new AbortController()
  const { client } = await startEndpoint(
    t,
    half(() => stop.abort()),
  )
  await t.rejects(getRecordsOf(client())(stop.signal), Error)
})

t.test('no request is sent after the signal has fired', async t => {
  const { client, asked } = await startEndpoint(t, inCbor)
  await t.rejects(getRecordsOf(client())(AbortSignal.abort()), { name: 'AbortError' })
  t.equal(asked.length, 0)
})

t.test('a reply that ends early is an error', async t => {
  const { client } = await startEndpoint(
    t,
    half(response => response.destroy()),
  )
  await t.rejects(getRecordsOf(client())(), Error)
})

t.test('a reply without a Content-Length is read', async t => {
  const chunked: Answer = (_, response) => {
    const body = Buffer.from(cbor.serialize(RECORDS))
    response.writeHead(200, { 'content-type': CBOR })
    response.write(body.subarray(0, 3), () => response.end(body.subarray(3)))
  }
  const { client } = await startEndpoint(t, chunked)
  t.match(await getRecordsOf(client())(), { nextIterator: 'next', millisBehindLatest: 5 })
})

t.test('a reply longer than the maximum of Kinesis is not read', async t => {
  const endless: Answer = (_, response) => {
    response.writeHead(200, { 'content-type': CBOR })
    const chunk = Buffer.alloc(1024 ** 2)
    const more = (): void => void (response.writable && response.write(chunk, more))
    more()
  }
  const tooLong: Answer = (_, response) => {
    response.writeHead(200, { 'content-type': CBOR, 'content-length': 2 ** 40 }).write('x')
  }
  for (const answering of [endless, tooLong]) {
    const { client } = await startEndpoint(t, answering)
    await t.rejects(getRecordsOf(client())(), { name: 'StreamReplyError', message: /longer than/ })
  }
})

/** Like Kinesis, and unlike `inCbor`, this answer says how long it is. */
const withLength = answer(200, CBOR, RECORDS, { 'content-length': String(cbor.serialize(RECORDS).length) })

t.test('the body of a reply is received when the caller has memory for it', async t => {
  const { client } = await startEndpoint(t, withLength)
  const getRecords = createCborRecords({ kinesis: client(), requestTimeoutMs: 10_000 })
  const [asked, memory] = [Promise.withResolvers<number>(), Promise.withResolvers<void>()]
  const reply = getRecords(SHARD, 'iterator', 10_000, {
    receive(bytes) {
      asked.resolve(bytes)
      return memory.promise
    },
  })
  t.ok((await asked.promise) > 10, 'the size of the body is known before it is received')
  t.equal(await Promise.race([reply, pass('waits')]), 'waits')
  memory.resolve()
  t.match(await reply, { nextIterator: 'next' })
})

t.test('a reply for which there is no memory in time is dropped, and the next call works', async t => {
  const { client } = await startEndpoint(t, withLength)
  const getRecords = createCborRecords({ kinesis: client(), requestTimeoutMs: 100 })
  const never = (_: number, signal: AbortSignal) =>
    new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
  const dropped = { name: 'StreamReplyError', message: /no memory for its \d+ bytes in time/ }
  await t.rejects(getRecords(SHARD, 'iterator', 10_000, { receive: never }), dropped)
  t.match(await getRecords(SHARD, 'iterator', 10_000, {}), { nextIterator: 'next' })
})
