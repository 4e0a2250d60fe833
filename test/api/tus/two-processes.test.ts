import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import t from 'tap'
import { startAws } from '../../support/aws.ts'
import { buildTestApi, createTestUser, readObject } from '../support.ts'
import { base64, sha256Of, tusClient } from './client.ts'

const MIB = 1024 ** 2

// Two apps share nothing but S3 and DynamoDB, as two processes do.
const aws = await startAws(t)
const apis = [await buildTestApi(t, aws), await buildTestApi(t, aws)] as const

t.test('a load balancer may send every request to another process', async t => {
  const user = await createTestUser(aws)
  const [a, b] = [tusClient(apis[0], user), tusClient(apis[1], user)]
  const bytes = randomBytes(21 * MIB)
  const url = await a.begin(bytes.length)
  for (let offset = 0; offset < bytes.length; offset += 3 * MIB) {
    const turn = (offset / (3 * MIB)) % 2 === 0 ? a : b
    t.match(await turn.patch(url, offset, bytes.subarray(offset, offset + 3 * MIB)), { status: 204 })
    t.equal(await (turn === a ? b : a).offset(url), Math.min(bytes.length, offset + 3 * MIB))
  }
  const { objects, records, openUploads } = await user.traces()
  t.match(records, [{ status: 'queued' }])
  t.ok((await readObject(aws, objects[0] ?? '')).bytes.equals(bytes))
  t.equal(openUploads, 0)
})

t.test(
  'a digest that the client announced stays with an upload whose bytes passed through several processes',
  async t => {
    const user = await createTestUser(aws)
    const [a, b] = [tusClient(apis[0], user), tusClient(apis[1], user)]
    const bytes = randomBytes(9 * MIB)
    const announced = sha256Of(bytes)
    const metadata = { 'upload-metadata': `filename ${base64('a.bin')},sha256 ${base64(announced.toUpperCase())}` }
    const url = await a.begin(bytes.length, metadata)
    t.match(await a.patch(url, 0, bytes.subarray(0, 5 * MIB)), { status: 204 })
    t.match(await b.patch(url, 5 * MIB, bytes.subarray(5 * MIB)), { status: 204 })
    const [record] = (await user.traces()).records
    t.match(record, { status: 'queued', announcedSha256: announced })
    t.notOk('sha256' in (record ?? {}), 'no process has seen all bytes')
  },
)

t.test('a new request to any process takes over from a hanging one and loses nothing', async t => {
  for (const again of [0, 1] as const) {
    const user = await createTestUser(aws)
    const bytes = randomBytes(12 * MIB)
    const url = await tusClient(apis[0], user).begin(bytes.length)
    const hanging = request(`${apis[0].url}${url}`, {
      method: 'PATCH',
      headers: {
        ...user.auth,
        'tus-resumable': '1.0.0',
        'upload-offset': '0',
        'content-type': 'application/offset+octet-stream',
        'content-length': String(bytes.length),
      },
    })
    hanging.on('error', () => undefined) // Its connection may be closed under it.
    t.teardown(() => hanging.destroy())
    const answered = once(hanging, 'response')
    answered.catch(() => undefined)
    await new Promise<void>(resolve => hanging.write(bytes.subarray(0, 9 * MIB), () => resolve()))
    const client = tusClient(apis[again], user)
    const offset = await client.offset(url)
    t.ok(offset > 0, `${offset} bytes have arrived`)
    t.match(await client.patch(url, offset, bytes.subarray(offset)), { status: 204 })
    const { objects, records } = await user.traces()
    t.match(records, [{ status: 'queued' }])
    t.ok((await readObject(aws, objects[0] ?? '')).bytes.equals(bytes))
  }
})

t.test('of concurrent requests for the same offset one succeeds, and the file is complete', async t => {
  const user = await createTestUser(aws)
  const clients = [tusClient(apis[0], user), tusClient(apis[1], user)]
  const bytes = randomBytes(9 * MIB)
  const url = await tusClient(apis[0], user).begin(bytes.length)
  const replies = await Promise.all(clients.map(client => client.patch(url, 0, bytes)))
  t.ok(
    replies.every(({ status }) => [204, 409, 423].includes(status)),
    replies.map(it => it.status).join(),
  )
  const client = tusClient(apis[1], user)
  const offset = await client.offset(url)
  if (offset < bytes.length) t.match(await client.patch(url, offset, bytes.subarray(offset)), { status: 204 })
  const { objects, records } = await user.traces()
  t.match(records, [{ status: 'queued' }])
  t.ok((await readObject(aws, objects[0] ?? '')).bytes.equals(bytes))
})
