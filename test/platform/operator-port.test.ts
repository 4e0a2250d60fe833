import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Server } from 'node:http'
import t from 'tap'
import { jsonPage, openOperatorPort, type Pages } from '../../services/platform/operator-port.ts'

async function open(pages: Pages = {}, port = 0) {
  const errors: Array<{ err: unknown; path: unknown }> = []
  const log = { error: (details: { err: unknown; path: unknown }) => errors.push(details) }
  const ok = () => jsonPage(200, { status: 'ok' })
  const opened = await openOperatorPort({ host: '127.0.0.1', port, pages: { '/livez': ok, ...pages }, log })
  t.teardown(() => opened.close().catch(() => undefined))
  return { ...opened, errors }
}

t.test('selects the page by the path, and ignores the query', async t => {
  const { url } = await open({ '/metrics': async () => ({ status: 200, contentType: 'text/plain', body: 'up 1\n' }) })
  const live = await fetch(`${url}/livez?verbose`)
  t.equal(live.status, 200)
  t.equal(live.headers.get('content-type'), 'application/json')
  t.equal(live.headers.get('cache-control'), 'no-store')
  t.strictSame(await live.json(), { status: 'ok' })
  const metrics = await fetch(`${url}/metrics`)
  t.equal(metrics.headers.get('content-type'), 'text/plain')
  t.equal(await metrics.text(), 'up 1\n')
})

t.test('renders the page for each request', async t => {
  let status = 200
  const { url } = await open({ '/readyz': () => jsonPage(status, {}) })
  t.equal((await fetch(`${url}/readyz`)).status, 200)
  status = 503
  t.equal((await fetch(`${url}/readyz`)).status, 503)
})

t.test('responds with 500 if a page throws, and the process goes on', async t => {
  const err = new Error('a bug')
  const { url, errors } = await open({
    '/readyz': () => {
      throw err
    },
  })
  t.equal((await fetch(`${url}/readyz`)).status, 500)
  t.strictSame(errors, [{ err, path: '/readyz' }])
  t.equal((await fetch(`${url}/livez`)).status, 200)
})

t.test('responds with 404 to other paths, and with 405 to other methods', async t => {
  const { url } = await open()
  for (const path of ['/', '//', '/toString', '/__proto__']) t.equal((await fetch(`${url}${path}`)).status, 404, path)
  const posted = await fetch(`${url}/livez`, { method: 'POST', body: 'x' })
  t.equal(posted.status, 405)
  t.equal(posted.headers.get('allow'), 'GET, HEAD')
  t.equal((await fetch(`${url}/livez`, { method: 'HEAD' })).status, 200)
})

t.test('closes at once although a client keeps its connection', async t => {
  const { url, close } = await open()
  await (await fetch(`${url}/livez`)).text()
  await close()
  await t.rejects(fetch(`${url}/livez`))
})

t.test('rejects if the port is in use', async t => {
  const { url } = await open()
  await t.rejects(open({}, Number(new URL(url).port)), { code: 'EADDRINUSE' })
})

t.test('logs a connection that cannot be accepted, and stays open', async t => {
  const { url, errors } = await open()
  const servers: Server[] = []
  const see = (message: unknown) => void servers.push((message as { server: Server }).server)
  subscribe('http.server.request.start', see)
  await fetch(`${url}/livez`)
  unsubscribe('http.server.request.start', see)
  for (const message of ['accept ENOBUFS', 'accept ENOMEM']) servers[0]?.emit('error', new Error(message))
  t.match(errors, [{ err: { message: 'accept ENOBUFS' } }, { err: { message: 'accept ENOMEM' } }])
  t.equal((await fetch(`${url}/livez`)).status, 200)
})
