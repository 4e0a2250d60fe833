import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { Headgate } from '../../services/client/index.ts'
import { buildTestApi, createTestUser } from '../api/support.ts'
import { startAws } from '../support/aws.ts'
import { until } from '../support/processes.ts'
import { startTestConsole } from './support.ts'

const MIB = 1024 ** 2

t.test('the console passes uploads on to the api, with a token that the page never gets', async t => {
  const aws = await startAws(t)
  const api = await buildTestApi(t, aws)
  const user = await createTestUser(aws)
  const asked: Array<string | undefined> = []
  const access = {
    apiUrl: api.url,
    user: 'ann',
    getToken({ rejected }: { rejected: string | undefined }) {
      asked.push(rejected)
      return asked.length === 1 ? 'expired' : user.idToken
    },
  }
  const console = await startTestConsole(t, aws.endpoints, { allowChanges: true, uploads: access })
  const client = new Headgate({ url: `${console.origin}/api`, getToken: () => console.token })

  await t.test('a rejected token is replaced', async t => {
    t.strictSame(await (await console.get('/api/uploads')).json(), { uploads: [] })
    t.strictSame(asked, [undefined, 'expired'])
  })

  for (const method of ['raw', 'tus'] as const) {
    await t.test(`${method}: the bytes arrive and come back unchanged`, async t => {
      const bytes = randomBytes(12 * MIB)
      const { uploadId, sha256 } = await client.upload(bytes, { filename: 'a.bin', method })
      t.equal(sha256, createHash('sha256').update(bytes).digest('hex'))
      const response = await console.get(`/api/uploads/${uploadId}/content`)
      t.equal(response.status, 200)
      t.ok(Buffer.from(await response.arrayBuffer()).equals(bytes), 'the console has followed the redirect to S3')
      t.equal((await console.get(`/api/uploads/${uploadId}`, { method: 'DELETE' })).status, 204)
      t.equal((await console.get(`/api/uploads/${uploadId}`)).status, 404)
    })
  }

  await t.test('another spelling of a path reaches the same path of the api', async t => {
    const list = await console.get('/%61pi/uploads?limit=5')
    t.strictSame(await list.json(), { uploads: [] })
  })

  await t.test('the Location of an upload is an address of the console', async t => {
    const response = await console.get('/api/uploads?filename=a.txt', { method: 'POST', body: 'hello' })
    const location = response.headers.get('location') ?? ''
    t.match(location, /^\/api\/uploads\/[\w-]{36}$/)
    t.equal((await console.get(location, { method: 'DELETE' })).status, 204)
  })

  await t.test('a page that is closed while the api still works is no error', async t => {
    const { uploadId } = await client.upload(Buffer.from('hello'), { filename: 'a.txt', method: 'raw' })
    let isWaiting = false
    let isGone = false
    api.app.server.on('request', ({ url }: IncomingMessage, response: ServerResponse) => {
      if (!url?.endsWith('?wait=20')) return
      isWaiting = true
      response.once('close', () => {
        isGone = true
      })
    })
    const gone = new AbortController()
    const waiting = console.get(`/api/uploads/${uploadId}?wait=20`, { signal: gone.signal })
    // No worker runs, so the api would respond only after 20 seconds.
    await until(() => isWaiting, { what: 'the request at the api' })
    gone.abort()
    await t.rejects(waiting, { name: 'AbortError' })
    await until(() => isGone, { what: 'the end of the request at the api' })
    // An error of the console would fail the test. It still responds.
    t.equal((await console.get(`/api/uploads/${uploadId}`)).status, 200)
    t.equal((await console.get(`/api/uploads/${uploadId}`, { method: 'DELETE' })).status, 204)
  })

  await t.test('other paths of the api are not passed on', async t => {
    for (const path of [
      '/api/docs',
      '/api/openapi.json',
      '/api/readyz',
      '/api/uploads/../docs',
      '/api/uploads/x/y/z',
    ]) {
      t.equal((await console.get(path)).status, 404, path)
    }
    t.equal((await console.get('/api/uploads/grants', { method: 'POST' })).status, 404)
  })

  await t.test('the name of an output cannot lead to another path of the api', async t => {
    // fetch would already resolve the dots.
    const options = { path: '/api/uploads/x/outputs/%2e%2e', headers: { authorization: `Bearer ${console.token}` } }
    const [response] = (await once(request(console.origin, options).end(), 'response')) as [IncomingMessage]
    t.equal(response.statusCode, 400)
    t.match(await text(response), "There is no output '..'.")
  })

  await t.test('without --allow-changes, uploads are only read', async t => {
    const reading = await startTestConsole(t, aws.endpoints, { uploads: access })
    t.equal((await reading.get('/api/uploads')).status, 200)
    t.equal((await reading.get('/api/uploads?filename=a.txt', { method: 'POST', body: 'a' })).status, 404)
    t.equal((await reading.get('/api/uploads/x', { method: 'DELETE' })).status, 404)
    t.equal((await reading.get('/api/uploads/tus', { method: 'POST' })).status, 404)
  })

  await t.test('an api that does not respond is named', async t => {
    const lost = await startTestConsole(t, aws.endpoints, { uploads: { ...access, apiUrl: 'http://127.0.0.1:9' } })
    const response = await lost.get('/api/uploads')
    t.equal(response.status, 502)
    t.match(await response.json(), { title: 'Nothing responds at http://127.0.0.1:9.' })
  })
})
