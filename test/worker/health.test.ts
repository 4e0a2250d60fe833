import t from 'tap'
import { type HealthSettings, startHealthServer } from '../../services/worker/health.ts'
import { createMemoryLog } from './memory-log.ts'

async function start(settings: Partial<HealthSettings> = {}) {
  const memory = createMemoryLog()
  const { log } = memory
  const ok = () => ({ ok: true })
  const server = await startHealthServer({ host: '127.0.0.1', port: 0, live: ok, ready: ok, log, ...settings })
  t.teardown(() => server.close().catch(() => undefined))
  return { ...server, ...memory }
}

t.test('the two reports are told apart, with their details', async t => {
  const { url } = await start({ ready: () => ({ ok: false, details: { leases: 0, reason: 'starting' } }) })
  const live = await fetch(`${url}/livez`)
  t.equal(live.status, 200)
  t.match(live.headers.get('content-type'), /application\/json/)
  t.strictSame(await live.json(), { status: 'ok' })
  const ready = await fetch(`${url}/readyz?verbose`)
  t.equal(ready.status, 503)
  t.strictSame(await ready.json(), { status: 'unavailable', leases: 0, reason: 'starting' })
})

t.test('a report is asked for each time', async t => {
  let ok = true
  const { url } = await start({ live: () => ({ ok }) })
  t.equal((await fetch(`${url}/livez`)).status, 200)
  ok = false
  t.equal((await fetch(`${url}/livez`)).status, 503)
})

t.test('a report that throws is not ok, and does not end the process', async t => {
  const { url, lines } = await start({
    live: () => {
      throw new Error('a bug')
    },
  })
  t.equal((await fetch(`${url}/livez`)).status, 503)
  t.match(lines, [{ level: 'error', err: { message: 'a bug' } }])
  t.equal((await fetch(`${url}/readyz`)).status, 200)
})

t.test('nothing else is served', async t => {
  const { url } = await start()
  t.equal((await fetch(`${url}/`)).status, 404)
  t.equal((await fetch(`${url}//`)).status, 404)
  const posted = await fetch(`${url}/livez`, { method: 'POST', body: 'x' })
  t.equal(posted.status, 405)
  t.equal(posted.headers.get('allow'), 'GET, HEAD')
  t.equal((await fetch(`${url}/livez`, { method: 'HEAD' })).status, 200)
})

t.test('it closes at once, though a client keeps its connection', async t => {
  const server = await start()
  await (await fetch(`${server.url}/livez`)).text()
  await server.close()
  await t.rejects(fetch(`${server.url}/livez`))
})

t.test('a port that is taken is an error', async t => {
  const { url } = await start()
  await t.rejects(start({ port: Number(new URL(url).port) }), { code: 'EADDRINUSE' })
})
