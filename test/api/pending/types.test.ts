import t from 'tap'
import { startAws } from '../../support/aws.ts'
import { startFaultProxy, to } from '../../support/fault-proxy.ts'
import { complete, grant, send } from '../grants/support.ts'
import { ask, buildTestApi, createTestUser, NO_TRACES, type TestApi, type TestUser } from '../support.ts'
import { base64, tusClient, uploadIdOf } from '../tus/client.ts'

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=='
const png = Buffer.from(PNG, 'base64')
const text = Buffer.from('a line of text\n')

const aws = await startAws(t)

interface Ended {
  status: number
  type: unknown
  uploadId: string
}

type Format = (api: TestApi, user: TestUser, contentType: string, bytes: Buffer) => Promise<Ended>

const byGrant: Format = async (api, user, contentType, bytes) => {
  const { uploadId, put } = await grant(api, user, { contentType, size: bytes.length })
  if (put) await send(put, bytes)
  const { status, body } = await complete(api, user, uploadId)
  return { status, type: body.type, uploadId }
}

/** Uploads by tus in two requests, so that the process no longer has the start of the file when the end arrives. */
const byTus: Format = async (api, user, contentType, bytes) => {
  const client = tusClient(api, user)
  const metadata = `filename ${base64('a.bin')},filetype ${base64(contentType)}`
  const url = await client.begin(bytes.length, { 'upload-metadata': metadata })
  await client.patch(url, 0, bytes.subarray(0, 10))
  const { status, body } = await client.patch(url, 10, bytes.subarray(10))
  return { status, type: body.type, uploadId: uploadIdOf(url) }
}

const formats: Record<string, Format> = { 'a grant': byGrant, tus: byTus }

for (const [name, format] of Object.entries(formats)) {
  t.test(`${name}: a file that contradicts its content type is rejected and leaves nothing`, async t => {
    const api = await buildTestApi(t, aws)
    const user = await createTestUser(aws)
    const { status, type, uploadId } = await format(api, user, 'text/plain', png)
    t.match({ status, type }, { status: 415, type: 'urn:headgate:problem:content-type-contradicted' })
    t.same((await user.traces()).objects, NO_TRACES.objects)
    t.same((await user.traces()).records, NO_TRACES.records)
    t.match(await ask(`${api.url}/uploads/${uploadId}`, { headers: user.auth }), { status: 404 })
  })

  t.test(
    `${name}: a type that is not in ALLOWED_TYPES is rejected by its bytes, whatever its content type`,
    async t => {
      const api = await buildTestApi(t, aws, { env: { ALLOWED_TYPES: 'image/png' } })
      const user = await createTestUser(aws)
      for (const claimed of ['text/plain', 'image/png', 'application/octet-stream']) {
        const { status, type } = await format(api, user, claimed, text)
        t.match({ status, type }, { status: 415, type: 'urn:headgate:problem:content-type-not-allowed' }, claimed)
      }
      t.same(await user.traces(), NO_TRACES)
      const { status, uploadId } = await format(api, user, 'application/octet-stream', png)
      t.ok(status === 200 || status === 204, `${status}`)
      const seen = await ask(`${api.url}/uploads/${uploadId}`, { headers: user.auth })
      t.match(seen.body, { status: 'queued', detectedType: 'image/png' })
    },
  )
}

t.test('an empty file shows no type', async t => {
  const api = await buildTestApi(t, aws)
  const user = await createTestUser(aws)
  const { uploadId, put } = await grant(api, user, { contentType: 'image/png', size: 0 })
  if (put) await send(put, Buffer.alloc(0))
  t.match(await complete(api, user, uploadId), { status: 200 })
})

t.test('only the first bytes of a large file are read to detect its type', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.s3)
  const api = await buildTestApi(t, aws, { endpoints: { s3: proxy.url } })
  const user = await createTestUser(aws)
  const read: number[] = []
  proxy.inject(
    async exchange => {
      const reply = await exchange.forward()
      read.push(Number(reply.headers['content-length']))
      await exchange.relay(reply)
    },
    { when: to('GET', /x-id=GetObject/) },
  )
  const { status } = await byTus(api, user, 'application/x-test', Buffer.alloc(3 * 1024 ** 2, 'x'))
  t.equal(status, 204)
  // The first ten bytes are read again as the start of the only part.
  t.same(read, [10, 4_100])
})
