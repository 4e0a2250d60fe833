import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import t from 'tap'
import { startAws } from '../../support/aws.ts'
import { ask, buildTestApi, createTestUser } from '../support.ts'
import { sha256Of, tusClient, uploadIdOf } from './client.ts'

const MIB = 1024 ** 2

const aws = await startAws(t)

t.test('more uploads than fit into memory wait for each other, and all arrive', async t => {
  const api = await buildTestApi(t, aws, { env: { UPLOAD_MEMORY_BYTES: String(32 * MIB) } })
  const user = await createTestUser(aws)
  const client = tusClient(api, user)
  const bytes = randomBytes(9 * MIB + 1)
  const type = { 'content-type': 'application/offset+octet-stream' }
  const arrive = async () => {
    const created = await client.request(
      'POST',
      '/uploads/tus',
      { 'upload-length': String(bytes.length), ...type },
      bytes,
    )
    return { status: created.status, url: created.headers.get('location') ?? '' }
  }
  const raw = ask(`${api.url}/uploads?filename=a.bin`, { method: 'POST', headers: user.auth, body: bytes })
  const arrived = await Promise.all(Array.from({ length: 4 }, arrive))
  t.match(await raw, { status: 200, body: { size: bytes.length } }, 'concurrently with a raw upload')
  for (const { status, url } of arrived) {
    t.equal(status, 201)
    const seen = await ask(`${api.url}/uploads/${uploadIdOf(url)}`, { headers: user.auth })
    t.match(seen.body, { size: bytes.length, sha256: sha256Of(bytes) })
  }
})

t.test('a small file does not wait for stalled large ones', async t => {
  const api = await buildTestApi(t, aws, { env: { UPLOAD_MEMORY_BYTES: String(32 * MIB) } })
  const user = await createTestUser(aws)
  const client = tusClient(api, user)
  const started = Array.from({ length: 4 }, async () => {
    const url = await client.begin(20 * MIB)
    const sending = request(api.url + url, {
      method: 'PATCH',
      headers: {
        ...user.auth,
        'tus-resumable': '1.0.0',
        'upload-offset': '0',
        'content-type': 'application/offset+octet-stream',
      },
    })
    t.teardown(() => sending.destroy())
    const broken = once(sending, 'error')
    // Fulfilled when the kernel has all bytes: they arrive, even if the connection is closed right after.
    await new Promise(resolve => sending.write(new Uint8Array(MIB), resolve))
    return { url, broken, stop: () => sending.destroy(new Error('stopped')) }
  })
  const standing = await Promise.all(started)
  const small = await client.begin(2)
  t.equal((await client.patch(small, 0, Buffer.from('ok'))).headers.get('upload-offset'), '2')
  for (const { stop } of standing) stop()
  for (const { broken } of standing) t.match(await broken, [{ message: 'stopped' }], 'no response came before')
  for (const { url } of standing) t.equal(await client.offset(url), MIB, 'what came of each is kept')
})
