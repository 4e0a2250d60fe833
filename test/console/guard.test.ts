import { request } from 'node:http'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { ConsoleStartError } from '../../services/console/errors.ts'
import { startTestConsole, type TestConsole } from './support.ts'

interface Answer {
  status: number
  body: string
}

/** Sends a request with any headers. `fetch` does not let a caller set the Host. */
function send(console: TestConsole, path: string, headers: Record<string, string>, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(`${console.origin}${path}`, { method, headers, agent: false }, async response => {
      let body = ''
      for await (const chunk of response.setEncoding('utf8')) body += chunk
      resolve({ status: response.statusCode ?? 0, body })
    })
    sent.once('error', reject)
    sent.end()
  })
}

t.test('the console rejects everybody but its own page', async t => {
  const console = await startTestConsole(t)
  const authorization = `Bearer ${console.token}`
  const { host } = new URL(console.origin)
  const paths = ['/api/about', '/api/live', '/api/shards/shardId-000000000000/records?from=oldest', '/api/unknown']

  await t.test('a request without the token, or with another, gets nothing', async t => {
    t.match(console.token, /^[\w-]{43}$/)
    const wrong = ['', 'Bearer', 'Bearer x', `Bearer ${console.token}x`, console.token, `bearer ${console.token}`]
    for (const path of paths) {
      for (const value of wrong)
        t.equal((await send(console, path, { authorization: value })).status, 401, `${path} ${value}`)
    }
    t.equal((await send(console, '/api/about', {})).status, 401)
    const spellings = [
      '/%61pi/about',
      '/api/%61bout',
      '/%61pi/live',
      '/api/about/',
      '//api/about',
      '/API/about',
      '/api/about?x=/page.js',
    ]
    for (const path of [...spellings, '/no-such-file', '/page.js/../api/about', '/api/about#/page.js']) {
      t.equal((await send(console, path, {})).status, 401, path)
    }
    t.equal((await send(console, `/api/about?t=${console.token}`, {})).status, 401)
    t.equal((await send(console, '/api/about', { authorization })).status, 200)
  })

  await t.test('a path that cannot be decoded is rejected and not repeated', async t => {
    const { status, body } = await send(console, '/%zz-secret', {})
    t.equal(status, 400)
    t.match(body, 'The path of the request is malformed.')
    t.notMatch(body, 'secret')
  })

  await t.test('a page of another origin gets nothing, even with the token', async t => {
    for (const origin of [
      'https://evil.example',
      'null',
      `https://${host}`,
      'http://127.0.0.1:1',
      'http://localhost',
    ]) {
      for (const path of ['/', ...paths]) {
        t.equal((await send(console, path, { authorization, origin })).status, 403, `${origin} ${path}`)
      }
    }
    t.equal((await send(console, '/api/about', { authorization, origin: console.origin })).status, 200)
  })

  await t.test('a name that was made to resolve to the loopback address gets nothing (DNS rebinding)', async t => {
    const { port } = new URL(console.origin)
    for (const name of [
      `evil.example:${port}`,
      'evil.example',
      '127.0.0.1',
      'localhost',
      '127.0.0.1:1',
      `127.0.0.1.nip.io:${port}`,
    ]) {
      for (const path of ['/', '/page.js', ...paths]) {
        t.equal((await send(console, path, { authorization, host: name })).status, 421, `${name} ${path}`)
      }
    }
    for (const name of [`localhost:${port}`, `[::1]:${port}`]) {
      t.equal((await send(console, '/api/about', { authorization, host: name })).status, 200, name)
    }
  })

  await t.test('without --allow-changes, no method changes anything', async t => {
    const path = '/api/shards/shardId-000000000000/records'
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      t.equal((await send(console, path, { authorization }, method)).status, 404, method)
    }
  })

  await t.test('the page is static, small, and forbids everything from elsewhere', async t => {
    const response = await fetch(console.origin)
    const policy = response.headers.get('content-security-policy') ?? ''
    for (const rule of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ]) {
      t.ok(policy.split('; ').includes(rule), rule)
    }
    t.notMatch(policy, /unsafe|\*|https?:/)
    t.equal(response.headers.get('x-content-type-options'), 'nosniff')
    t.equal(response.headers.get('referrer-policy'), 'no-referrer')
    const page = await response.text()
    const files = [...page.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, file = '']) => file)
    t.strictSame([...page.matchAll(/(?:src|href)="(?!\/)/g)], [], 'every file is of this server')
    let bytes = gzipSync(page).byteLength
    for (const file of files) {
      const body = await (await fetch(`${console.origin}${file}`)).bytes()
      bytes += gzipSync(body).byteLength
    }
    t.comment(`${bytes} bytes with gzip`)
    t.ok(bytes < 150 * 1024)
    const data = await console.get('/api/about')
    t.equal(data.headers.get('cache-control'), 'no-store')
  })

  await t.test('the link of a console that has ended opens neither it nor its successor', async t => {
    await console.close()
    await t.rejects(send(console, '/api/about', { authorization }), { code: 'ECONNREFUSED' })
    const { port } = new URL(console.origin)
    const next = await startTestConsole(t, {}, { port: Number(port) })
    t.not(next.token, console.token)
    t.equal((await send(next, '/api/about', { authorization })).status, 401)
  })
})

t.test('a port that is in use is reported', async t => {
  const { origin } = await startTestConsole(t)
  const port = Number(new URL(origin).port)
  await t.rejects(startTestConsole(t, {}, { port }), ConsoleStartError)
})
