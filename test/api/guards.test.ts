import t from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { startAws } from '../support/aws.ts'
import { ask, buildTestApi, createTestUser, isProblem, postJson, type TestApi, type TestUser } from './support.ts'

const aws = await startAws(t)

const look = ({ url }: TestApi, user?: TestUser, headers: Record<string, string> = {}) =>
  ask(`${url}/uploads/${uuidv7()}`, { headers: { ...user?.auth, ...headers } })

t.test('an owner who sends too many requests gets 429, and other owners do not', async t => {
  const api = await buildTestApi(t, aws, { env: { RATE_LIMIT_PER_OWNER: '3' } })
  const [busy, other] = [await createTestUser(aws), await createTestUser(aws)]
  for (const remaining of ['2', '1', '0']) {
    const { status, headers } = await look(api, busy)
    t.equal(status, 404)
    t.equal(headers.get('ratelimit-limit'), '3')
    t.equal(headers.get('ratelimit-remaining'), remaining)
    t.match(headers.get('ratelimit-reset'), /^\d+$/)
  }
  const refused = await postJson(api, busy, { content: 'x' })
  isProblem(t, refused, 429, 'too-many-requests')
  t.match(refused.headers.get('retry-after'), /^[1-9]\d*$/)
  t.equal(refused.headers.get('ratelimit-remaining'), '0')
  const again = await look(api, { ...busy, auth: { authorization: `Bearer ${busy.idToken}` } })
  isProblem(t, again, 429, 'too-many-requests', 'with another token of theirs')
  t.equal((await look(api, other)).status, 404)
  t.equal((await busy.traces()).records.length, 0)
})

t.test('an address that sends too many invalid tokens gets 429, and still reaches the health routes', async t => {
  const env = { RATE_LIMIT_PER_ADDRESS: '3', TRUST_PROXY: '127.0.0.0/8' }
  const api = await buildTestApi(t, aws, { env })
  const user = await createTestUser(aws)
  const from = (address: string) => ({ 'x-forwarded-for': address })
  for (let count = 0; count < 3; count++) {
    isProblem(t, await look(api, undefined, from('203.0.113.9')), 401, 'missing-token')
  }
  const bad = { ...from('203.0.113.9'), authorization: 'Bearer a.b.c' }
  const refused = await look(api, undefined, bad)
  isProblem(t, refused, 429, 'too-many-requests')
  t.match(refused.headers.get('retry-after'), /^[1-9]\d*$/)
  isProblem(t, await look(api, user, from('203.0.113.9')), 429, 'too-many-requests', 'with a good token too')
  t.equal((await look(api, user, from('203.0.113.10'))).status, 404, 'another address')
  t.equal((await fetch(`${api.url}/livez`, { headers: from('203.0.113.9') })).status, 200)
})

t.test('without configured limits no request gets 429', async t => {
  const api = await buildTestApi(t, aws)
  const user = await createTestUser(aws)
  const { headers } = await look(api, user)
  t.equal(headers.get('ratelimit-limit'), null)
  const answers = await Promise.all(Array.from({ length: 50 }, () => look(api)))
  t.same([...new Set(answers.map(({ status }) => status))], [401])
})

t.test('every response has the security headers', async t => {
  const api = await buildTestApi(t, aws)
  const user = await createTestUser(aws)
  const paths: Array<[string, Record<string, string>]> = [
    ['/livez', {}],
    ['/nothing', {}],
    [`/uploads/${uuidv7()}`, user.auth],
    ['/uploads/1', {}],
    ['/openapi.json', {}],
  ]
  for (const [path, headers] of paths) {
    const answer = await fetch(`${api.url}${path}`, { headers })
    t.equal(answer.headers.get('content-security-policy'), "default-src 'none'; frame-ancestors 'none'", path)
    t.equal(answer.headers.get('x-content-type-options'), 'nosniff', path)
    t.equal(answer.headers.get('cross-origin-resource-policy'), 'same-origin', path)
    t.equal(answer.headers.get('access-control-allow-origin'), null, path)
    t.equal(answer.headers.get('x-powered-by'), null, path)
    t.equal(answer.headers.get('server'), null, path)
    await answer.body?.cancel()
  }
})

t.test('the pages of /docs may run only their own scripts', async t => {
  const api = await buildTestApi(t, aws)
  const page = await fetch(`${api.url}/docs/static/index.html`)
  t.equal(page.status, 200)
  const policy = page.headers.get('content-security-policy') ?? ''
  t.match(policy, /script-src 'self'/)
  t.notMatch(policy, /script-src[^;]*(unsafe-inline|https?:)|upgrade-insecure-requests/)
})

const ORIGIN = 'https://app.example'
const preflight = (url: string, origin: string) =>
  fetch(url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,idempotency-key',
    },
  })

t.test('configured origins may call the api and read the headers that they need', async t => {
  const api = await buildTestApi(t, aws, { env: { CORS_ORIGINS: `${ORIGIN}, http://localhost:5173` } })
  const user = await createTestUser(aws)
  const asked = await preflight(`${api.url}/uploads`, ORIGIN)
  t.equal(asked.status, 204)
  t.equal(asked.headers.get('access-control-allow-origin'), ORIGIN)
  t.match(asked.headers.get('access-control-allow-methods'), /POST/)
  t.match(asked.headers.get('access-control-allow-headers'), /authorization/)
  t.equal(asked.headers.get('access-control-allow-credentials'), null)
  for (const [status, headers] of [
    [404, { ...user.auth, origin: ORIGIN }],
    [401, { origin: ORIGIN }],
  ] as const) {
    const answer = await ask(`${api.url}/uploads/${uuidv7()}`, { headers })
    t.equal(answer.status, status)
    t.equal(answer.headers.get('access-control-allow-origin'), ORIGIN, 'a refusal can be read as well')
    t.match(answer.headers.get('access-control-expose-headers'), /Link, Location.*Upload-Offset/)
    t.equal(answer.headers.get('cross-origin-resource-policy'), 'cross-origin')
  }
  const stranger = await preflight(`${api.url}/uploads`, 'https://evil.example')
  t.not(stranger.headers.get('access-control-allow-origin'), 'https://evil.example')
  t.equal((await fetch(`${api.url}/nothing`)).status, 404, 'and an unknown path is one still')
  const options = await fetch(`${api.url}/livez`, { method: 'OPTIONS', headers: { origin: ORIGIN } })
  t.equal(options.headers.get('allow'), 'GET, HEAD, OPTIONS')
  t.equal(options.headers.get('access-control-allow-origin'), ORIGIN)
})

t.test('a loopback host with * as its port allows its pages on every port, and no other page', async t => {
  const api = await buildTestApi(t, aws, { env: { CORS_ORIGINS: 'http://localhost:*,http://127.0.0.1:*' } })
  for (const [origin, isAllowed] of [
    ['http://localhost:5173', true],
    ['http://127.0.0.1:8080', true],
    ['https://localhost:5173', false],
    ['http://localhost:5173.evil.example', false],
    ['http://localhost.evil.example:5173', false],
    ['http://127x0x0x1:80', false],
    ['null', false],
  ] as const) {
    const { headers } = await preflight(`${api.url}/uploads`, origin)
    t.equal(headers.get('access-control-allow-origin'), isAllowed ? origin : null, origin)
  }
})

t.test('OPTIONS describes tus to web pages and to other clients if CORS is configured', async t => {
  const api = await buildTestApi(t, aws, { env: { CORS_ORIGINS: ORIGIN } })
  for (const headers of [{}, { origin: ORIGIN }]) {
    const options = await fetch(`${api.url}/uploads/tus`, { method: 'OPTIONS', headers })
    t.equal(options.status, 204)
    t.match(options.headers.get('tus-extension'), /creation.*checksum/)
    t.equal(options.headers.get('allow'), 'OPTIONS, POST')
  }
  const asked = await fetch(`${api.url}/uploads/tus/1`, {
    method: 'OPTIONS',
    headers: { origin: ORIGIN, 'access-control-request-method': 'PATCH' },
  })
  t.equal(asked.status, 204)
  t.match(asked.headers.get('access-control-allow-methods'), /PATCH.*OPTIONS/)
  t.equal(asked.headers.get('access-control-allow-origin'), ORIGIN)
})

t.test('without configured origins there are no CORS headers', async t => {
  const api = await buildTestApi(t, aws)
  const asked = await preflight(`${api.url}/uploads`, ORIGIN)
  t.equal(asked.headers.get('access-control-allow-origin'), null)
})

t.test('OPTIONS lists the methods of a path, and HEAD is GET without a body', async t => {
  const api = await buildTestApi(t, aws)
  const options = await fetch(`${api.url}/livez`, { method: 'OPTIONS' })
  t.equal(options.status, 204)
  t.equal(options.headers.get('allow'), 'GET, HEAD, OPTIONS')
  t.equal((await fetch(`${api.url}/nothing`, { method: 'OPTIONS' })).status, 404)
  const user = await createTestUser(aws)
  const { headers } = await postJson(api, user, { content: 'x' })
  const url = `${api.url}${headers.get('location')}`
  const [get, head] = [
    await fetch(url, { headers: user.auth }),
    await fetch(url, { method: 'HEAD', headers: user.auth }),
  ]
  t.equal(head.status, 200)
  t.equal(await head.text(), '')
  t.equal(head.headers.get('content-type'), get.headers.get('content-type'))
  t.equal(head.headers.get('content-length'), String((await get.text()).length))
  t.equal((await fetch(url, { method: 'HEAD' })).status, 401)
})
