import t from 'tap'
import { Headgate, type TokenRequest } from '../../services/client/index.ts'
import { createTestUser, readObject } from '../api/support.ts'
import { type ApiProcess, startApi } from '../api/tus/server.ts'
import { startAws } from '../support/aws.ts'
import { to } from '../support/fault-proxy.ts'
import { loseReply, reset } from '../support/faults/faults.ts'
import { bytesOf, MIB, sha256Of, startScene } from './support.ts'

const aws = await startAws(t)
const isPatch = to('PATCH')

t.test('files of every size are uploaded by tus, in one request without a gateway', async t => {
  const { client, apiProxy } = await startScene(t, aws)
  for (const size of [0, 1, 20 * MIB]) {
    const bytes = bytesOf(size)
    const before = apiProxy.count(isPatch)
    const uploaded = await client.upload(bytes, { filename: 'ü.bin', contentType: 'application/x-a', method: 'tus' })
    t.match(uploaded, { size, sha256: sha256Of(bytes), filename: 'ü.bin', contentType: 'application/x-a' })
    t.ok((await readObject(aws, uploaded.s3.key)).bytes.equals(bytes))
    t.equal(apiProxy.count(isPatch) - before, size === 0 ? 0 : 1)
  }
})

t.test('behind a gateway the chunks have the size that it forwards', async t => {
  const { client, apiProxy } = await startScene(t, aws, { env: { GATEWAY_MAX_BODY_BYTES: '4000000' } })
  const bytes = bytesOf(10_000_000)
  t.equal((await client.upload(bytes, { filename: 'a.bin', method: 'tus' })).sha256, sha256Of(bytes))
  t.equal(apiProxy.count(isPatch), 3)
})

t.test('lost responses and connections are continued at the offset of the api', async t => {
  const { client, apiProxy, user } = await startScene(t, aws, { env: { GATEWAY_MAX_BODY_BYTES: '4000000' } })
  const faults = [
    apiProxy.inject(loseReply, { when: isPatch, times: 1 }),
    apiProxy.inject(reset, { when: isPatch, times: 1 }),
    apiProxy.inject(reset, { when: to('HEAD'), times: 1 }),
    apiProxy.inject(reset, { when: to('POST'), times: 1 }),
  ]
  const bytes = bytesOf(9_000_000)
  const sent: number[] = []
  const uploaded = await client.upload(bytes, {
    filename: 'a.bin',
    method: 'tus',
    onProgress: ({ sentBytes }) => void sent.push(sentBytes),
  })
  t.equal(uploaded.sha256, sha256Of(bytes))
  t.strictSame(
    faults.map(({ hits }) => hits),
    [1, 1, 1, 1],
  )
  t.equal(sent.at(-1), bytes.length)
  t.equal((await user.traces()).objects.length, 1)
})

t.test('a token that is rejected in the middle is replaced, and the upload continues', async t => {
  const asked: TokenRequest[] = []
  let token = ''
  const scene = await startScene(t, aws, {
    env: { GATEWAY_MAX_BODY_BYTES: '4000000' },
    client: {
      getToken(request) {
        asked.push(request)
        if (request.rejected !== undefined) token = scene.user.idToken
        return token
      },
    },
  })
  token = scene.user.accessToken
  scene.apiProxy.inject(
    async exchange => {
      await exchange.pass()
      token = 'expired'
    },
    { when: isPatch, times: 1 },
  )
  const bytes = bytesOf(9_000_000)
  t.equal((await scene.client.upload(bytes, { filename: 'a.bin', method: 'tus' })).sha256, sha256Of(bytes))
  t.ok(asked.some(({ rejected }) => rejected === 'expired'))
  t.equal(scene.apiProxy.count(to('POST', /\/uploads\/tus$/)), 1, 'it did not start again')
})

t.test('an upload by tus survives a kill of the api, and keeps what had arrived', async t => {
  let api: ApiProcess = await startApi(t, aws)
  const { port } = new URL(api.url)
  const user = await createTestUser(aws)
  const client = new Headgate({ url: api.url, getToken: () => user.accessToken })
  const bytes = bytesOf(40 * MIB)
  let killing: Promise<void> | undefined
  const uploaded = await client.upload(bytes, {
    filename: 'a.bin',
    method: 'tus',
    onProgress({ sentBytes }) {
      if (sentBytes < 25 * MIB) return
      killing ??= api.kill().then(async () => {
        api = await startApi(t, aws, { PORT: port })
      })
    },
  })
  await killing
  t.equal(uploaded.sha256, sha256Of(bytes))
})

t.test('an aborted upload by tus stops', async t => {
  const { client, apiProxy } = await startScene(t, aws)
  const stop = new AbortController()
  const uploading = client.upload(bytesOf(20 * MIB), {
    filename: 'a.bin',
    method: 'tus',
    signal: stop.signal,
    onProgress: ({ sentBytes }) => sentBytes > 5 * MIB && stop.abort(new Error('The user pressed cancel.')),
  })
  await t.rejects(uploading, { message: 'The user pressed cancel.' })
  t.equal(apiProxy.count(isPatch), 1)
})
