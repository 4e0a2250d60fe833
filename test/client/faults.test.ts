import t from 'tap'
import {
  ConnectionError,
  Headgate,
  InvalidTokenError,
  type TokenRequest,
  UnavailableError,
} from '../../services/client/index.ts'
import { createTestUser } from '../api/support.ts'
import { type ApiProcess, startApi } from '../api/tus/server.ts'
import { startAws } from '../support/aws.ts'
import { to } from '../support/fault-proxy.ts'
import { answer, loseReply, reset } from '../support/faults/faults.ts'
import { bytesOf, MIB, sha256Of, startScene } from './support.ts'

const aws = await startAws(t)

t.test('a lost response does not lead to a second upload', async t => {
  const { client, apiProxy, s3Proxy, user } = await startScene(t, aws)
  const small = bytesOf(1_000)
  const raw = apiProxy.inject(loseReply, { when: to('POST', /^\/uploads\?/), times: 1 })
  t.equal((await client.upload(small, { filename: 'small.bin' })).sha256, sha256Of(small))
  t.equal(raw.hits, 1)

  const large = bytesOf(20 * MIB)
  const lost = [
    apiProxy.inject(loseReply, { when: to('POST', /\/grants$/), times: 1 }),
    s3Proxy.inject(loseReply, { when: to('PUT', /partNumber=2/), times: 1 }),
    apiProxy.inject(loseReply, { when: to('POST', /\/complete$/), times: 1 }),
  ]
  const uploaded = await client.upload(large, { filename: 'large.bin' })
  t.equal(uploaded.sha256, sha256Of(large))
  t.strictSame(
    lost.map(({ hits }) => hits),
    [1, 1, 1],
  )

  const single = s3Proxy.inject(loseReply, { when: to('PUT', /^[^?]*\?(?!.*partNumber)/), times: 1 })
  const middle = bytesOf(9 * MIB)
  t.equal((await client.upload(middle, { filename: 'middle.bin' })).sha256, sha256Of(middle))
  t.equal(single.hits, 1)

  const deletion = apiProxy.inject(loseReply, { when: to('DELETE'), times: 1 })
  await client.remove(uploaded.uploadId)
  t.equal(deletion.hits, 1)
  const names = (await Array.fromAsync(client.list())).map(({ filename }) => filename)
  t.strictSame(names, ['middle.bin', 'small.bin'])
  t.equal((await user.traces()).openUploads, 0)
})

t.test('temporary errors of the api and of S3 are retried, at the time that the api asks for', async t => {
  const { client, apiProxy, s3Proxy } = await startScene(t, aws)
  const busy = answer(
    503,
    { 'retry-after': '1', 'content-type': 'application/problem+json' },
    '{"type":"urn:headgate:problem:unavailable"}',
  )
  const began = Date.now()
  const faults = [
    apiProxy.inject(busy, { when: to('POST', /\/grants$/), times: 1 }),
    s3Proxy.inject(answer(503, {}, '<Error><Code>SlowDown</Code></Error>'), { when: to('PUT'), times: 3 }),
    s3Proxy.inject(reset, { when: to('PUT', /partNumber=3/), times: 1 }),
    apiProxy.inject(answer(502, {}, '{"message":"Bad Gateway"}'), { when: to('POST', /\/complete$/), times: 1 }),
  ]
  const bytes = bytesOf(20 * MIB)
  t.equal((await client.upload(bytes, { filename: 'a.bin' })).sha256, sha256Of(bytes))
  t.strictSame(
    faults.map(({ hits }) => hits),
    [1, 3, 1, 1],
  )
  t.ok(Date.now() - began >= 1_000)
})

t.test('a client gives up when its time is up, and reports the last error', async t => {
  const { client, apiProxy } = await startScene(t, aws, { client: { retryForMs: 1_000 } })
  const down = apiProxy.inject(reset)
  await t.rejects(client.status('x'), ConnectionError)
  t.ok(down.hits > 1)
  down.remove()
  apiProxy.inject(answer(503, { 'retry-after': '9' }, '{"type":"urn:headgate:problem:unavailable","detail":"Later."}'))
  const error = await client.status('x').catch((error: unknown) => error)
  t.ok(error instanceof UnavailableError)
  t.match(error, { status: 503, retryAfter: 9, detail: 'Later.', message: 'Later.' })
})

t.test('an expired URL of S3 is replaced, and only the missing parts are sent again', async t => {
  const { client, apiProxy, s3Proxy } = await startScene(t, aws)
  const expired = answer(403, {}, '<Error><Code>AccessDenied</Code></Error>')
  s3Proxy.inject(expired, { when: to('PUT', /partNumber=3/), times: 1 })
  const bytes = bytesOf(24 * MIB)
  t.equal((await client.upload(bytes, { filename: 'a.bin' })).sha256, sha256Of(bytes))
  t.equal(apiProxy.count(to('GET', /\/grant$/)), 1)
  t.equal(s3Proxy.count(to('PUT')), 4)
  s3Proxy.inject(expired, { when: to('PUT') })
  await t.rejects(client.upload(bytesOf(9 * MIB), { filename: 'b.bin' }), { name: 'StorageError', status: 403 })
})

t.test('a token that is rejected in the middle of an upload is replaced once', async t => {
  const asked: TokenRequest[] = []
  let token = ''
  const scene = await startScene(t, aws, {
    client: {
      getToken(request) {
        asked.push(request)
        if (request.rejected !== undefined) token = scene.user.idToken
        return token
      },
    },
  })
  token = scene.user.accessToken
  const bytes = bytesOf(9 * MIB)
  scene.s3Proxy.inject(
    async exchange => {
      token = 'expired'
      await exchange.pass()
    },
    { when: to('PUT'), times: 1 },
  )
  t.equal((await scene.client.upload(bytes, { filename: 'a.bin' })).sha256, sha256Of(bytes))
  t.strictSame(
    asked.filter(({ rejected }) => rejected !== undefined),
    [{ rejected: 'expired' }],
  )

  const hopeless = new Headgate({ url: scene.api.url, getToken: () => 'never valid' })
  await t.rejects(hopeless.upload(bytesOf(1), { filename: 'a.bin' }), InvalidTokenError)
})

t.test('an aborted upload stops, and the same key continues it', async t => {
  const { client, s3Proxy } = await startScene(t, aws)
  const bytes = bytesOf(40 * MIB)
  const stop = new AbortController()
  const options = { filename: 'a.bin', idempotencyKey: 'resume-me' }
  s3Proxy.inject(
    async exchange => {
      await exchange.pass()
      stop.abort(new Error('The user pressed cancel.'))
    },
    { when: to('PUT', /partNumber=2/), times: 1 },
  )
  await t.rejects(client.upload(bytes, { ...options, signal: stop.signal }), { message: 'The user pressed cancel.' })
  const before = s3Proxy.count(to('PUT'))
  const uploaded = await client.upload(bytes, options)
  t.equal(uploaded.sha256, sha256Of(bytes))
  t.ok(s3Proxy.count(to('PUT')) - before < 5, 'parts that had arrived are not sent again')
  await t.rejects(client.upload(bytes, { ...options, signal: AbortSignal.abort() }), { name: 'AbortError' })
})

t.test('an upload survives a kill of the api', async t => {
  let api: ApiProcess = await startApi(t, aws, { GRANT_PARTS_ABOVE_BYTES: String(16 * MIB) })
  const { port } = new URL(api.url)
  const user = await createTestUser(aws)
  const client = new Headgate({ url: api.url, getToken: () => user.accessToken })
  const bytes = bytesOf(30 * MIB)
  let killing: Promise<void> | undefined
  const uploaded = await client.upload(bytes, {
    filename: 'a.bin',
    onProgress({ sentBytes }) {
      if (sentBytes < 10 * MIB) return
      killing ??= api.kill().then(async () => {
        api = await startApi(t, aws, { PORT: port, GRANT_PARTS_ABOVE_BYTES: String(16 * MIB) })
      })
    },
  })
  await killing
  t.equal(uploaded.sha256, sha256Of(bytes))
  t.match(await client.status(uploaded.uploadId), { status: 'queued', size: bytes.length })
})
