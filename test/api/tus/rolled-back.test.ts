import { randomBytes } from 'node:crypto'
import t from 'tap'
import { startAws } from '../../support/aws.ts'
import { operation, startFaultProxy, to } from '../../support/fault-proxy.ts'
import { internalError } from '../../support/faults/aws-errors.ts'
import { complete, grant, send } from '../grants/support.ts'
import { buildTestApi, createTestUser, NO_TRACES } from '../support.ts'
import { tusClient } from './client.ts'

const MIB = 1024 ** 2
const octets = { 'content-type': 'application/offset+octet-stream' }

const aws = await startAws(t)

// Each test mostly waits for retries, with an api and users of its own.
t.jobs = 3

t.test('a failed request that created an upload removes it, because its client has no location', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.s3)
  const api = await buildTestApi(t, aws, { endpoints: { s3: proxy.url } })
  const user = await createTestUser(aws)
  const { request } = tusClient(api, user)
  const begin = (length: number, body: Buffer, headers: Record<string, string> = {}) =>
    request('POST', '/uploads/tus', { 'upload-length': String(length), ...octets, ...headers }, body)

  t.match(await begin(2, Buffer.from('xxxx')), { status: 413 })
  t.same(await user.traces(), NO_TRACES, 'more bytes than the length')
  t.match(await begin(4, Buffer.from('xxxx'), { 'upload-checksum': 'md5 AAAAAAAAAAAAAAAAAAAAAA==' }), { status: 460 })
  t.same(await user.traces(), NO_TRACES, 'another checksum')
  const fault = proxy.inject(internalError('s3'), { when: to('PUT', /partNumber=1/) })
  t.match(await begin(9 * MIB, randomBytes(9 * MIB)), { status: 503 })
  fault.remove()
  t.same(await user.traces(), NO_TRACES, 'S3 in trouble')
  t.match(await begin(4, Buffer.from('xxxx'), { 'content-encoding': 'gzip' }), { status: 415 })
  t.same(await user.traces(), NO_TRACES, 'compressed')
  t.match(await begin(4, Buffer.from('xxxx')), { status: 201 })
  t.match((await user.traces()).records, [{ status: 'queued' }])
})

t.test('concurrent completion, continuation and deletion end in a complete upload or none', async t => {
  const [one, other] = await Promise.all([buildTestApi(t, aws), buildTestApi(t, aws)])
  const user = await createTestUser(aws)
  const remove = ({ url }: { url: string }, uploadId: string) =>
    fetch(`${url}/uploads/${uploadId}`, { method: 'DELETE', headers: user.auth })
  for (let n = 0; n < 15; n++) {
    const { uploadId, put } = await grant(one, user, { size: 1 })
    if (put) await send(put, Buffer.from('x'))
    const [first, second, removed] = await Promise.all([
      complete(one, user, uploadId),
      complete(other, user, uploadId),
      remove(other, uploadId),
    ])
    for (const { status } of [first, second, removed]) t.ok(status < 500, `${status}`)
    const url = await tusClient(one, user).begin(8)
    const patches = [one, other].map(api => tusClient(api, user).patch(url, 0, Buffer.from('12345678')))
    for (const { status } of await Promise.all(patches)) t.ok([204, 409, 423].includes(status), `${status}`)
  }
  const { objects, records, openUploads } = await user.traces()
  const live = records.filter(({ status }) => status !== 'deleted')
  t.same(objects.toSorted(), live.map(({ key }) => key).toSorted())
  t.ok(live.every(({ status }) => status === 'queued'))
  t.equal(live.filter(({ size }) => size === 8).length, 15, 'one of two requests with the same bytes succeeds')
  t.equal(openUploads, 0)
})

t.test('an upload whose acceptance failed is not rolled back if it is recorded', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.dynamodb)
  const api = await buildTestApi(t, aws, { endpoints: { dynamodb: proxy.url } })
  const user = await createTestUser(aws)
  const lost = proxy.inject(
    async exchange => {
      const body = await exchange.body()
      const reply = await exchange.forward(body)
      if (!body.includes(':outbox')) return exchange.relay(reply)
      reply.resume()
      proxy.inject(internalError('dynamodb'), { when: operation('GetItem') })
      exchange.cut()
    },
    { when: operation('UpdateItem') },
  )
  const headers = { 'upload-length': '4', ...octets }
  const answer = await tusClient(api, user).request('POST', '/uploads/tus', headers, Buffer.from('xxxx'))
  lost.remove()
  t.ok(answer.status >= 500 || answer.status === 201, `${answer.status}`)
  const { objects, records } = await user.traces()
  t.match(records, [{ key: objects[0] }], 'the upload is whole')
})
