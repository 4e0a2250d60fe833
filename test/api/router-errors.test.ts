import t from 'tap'
import { startAws } from '../support/aws.ts'
import { bytesOf, exchange, type RawAnswer } from './attacks/raw.ts'
import { buildTestApi, type TestApi } from './support.ts'

const aws = await startAws(t)
const ORIGIN = 'https://app.example'

const security = {
  'content-security-policy': /default-src 'none'/,
  'cross-origin-resource-policy': 'cross-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': /max-age=/,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'x-request-id': /^[0-9a-f-]{36}$/,
  'cache-control': 'no-store',
}

async function send({ url }: TestApi, bytes: Uint8Array): Promise<RawAnswer | undefined> {
  return (await exchange(url, bytes))[0]
}

const requests: Array<[what: string, bytes: Buffer, status: number, slug: string]> = [
  ['a sequence that is no percent-encoding', bytesOf({ path: '/foo%g1' }), 400, 'bad-request'],
  ['percent-encoding that is no UTF-8', bytesOf({ path: '/uploads/%ff' }), 400, 'bad-request'],
  ['half an escape', bytesOf({ method: 'POST', path: '/uploads/%e0%a4%a' }), 400, 'bad-request'],
  ['an id of 5,000 characters', bytesOf({ path: `/uploads/${'a'.repeat(5_000)}` }), 404, 'not-found'],
  ['a path of 100 KiB', bytesOf({ path: `/${'a'.repeat(100_000)}` }), 404, 'not-found'],
  ['a method that the api does not know', bytesOf({ method: 'PROPFIND', path: '/uploads' }), 405, 'method-not-allowed'],
  ['TRACE', bytesOf({ method: 'TRACE', path: '/livez' }), 405, 'method-not-allowed'],
  ['a path that does not exist', bytesOf({ path: '/nothing' }), 404, 'not-found'],
].map(([what, bytes, status, slug]) => {
  const text = (bytes as Buffer).toString('latin1').replace('\r\n\r\n', `\r\nOrigin: ${ORIGIN}\r\n\r\n`)
  return [what as string, Buffer.from(text, 'latin1'), status as number, slug as string]
})

const unreadable: Array<[what: string, bytes: Buffer, status: number, slug: string]> = [
  ['a method that HTTP does not have', bytesOf({ method: 'NONSENSE', path: '/' }), 400, 'bad-request'],
  ['a URL of 200 KiB', bytesOf({ path: `/${'a'.repeat(200_000)}` }), 431, 'headers-too-large'],
  ['another version of HTTP', Buffer.from('GET / HTTP/4.0\r\nHost: a\r\n\r\n'), 400, 'bad-request'],
  ['no HTTP at all', Buffer.from('\x16\x03\x01\x02\x00\x01\x00'), 400, 'bad-request'],
]

for (const [origins, isNamed] of [
  [ORIGIN, true],
  ['*', true],
  [`${ORIGIN},https://other.example`, false],
  ['http://localhost:*', false],
] as const) {
  t.test(`errors before routing have all headers with the origins ${origins}`, async t => {
    const api = await buildTestApi(t, aws, { env: { CORS_ORIGINS: origins } })
    const allowed = origins === '*' ? '*' : origins.includes(ORIGIN) ? ORIGIN : undefined
    for (const [what, bytes, status, slug] of requests) {
      const answer = await send(api, bytes)
      isProblem(answer, status, slug, what)
      t.equal(answer?.headers['access-control-allow-origin'], allowed, what)
      t.match(answer?.headers['access-control-expose-headers'], /X-Request-Id/, what)
    }
    for (const [what, bytes, status, slug] of unreadable) {
      const answer = await send(api, bytes)
      isProblem(answer, status, slug, what)
      t.equal(answer?.headers['access-control-allow-origin'], isNamed ? allowed : undefined, what)
    }
    const logged = api.log.filter(line => line.includes('"msg":"request"'))
    t.equal(logged.length, requests.length + unreadable.length, 'each request has one line in the log')
    t.ok(logged[0]?.includes('"path":"/foo%g1"'), 'the line has the path as the client sent it')

    function isProblem(answer: RawAnswer | undefined, status: number, slug: string, what: string) {
      t.equal(answer?.status, status, what)
      t.match(answer?.headers, { 'content-type': 'application/problem+json', ...security }, what)
      const body = JSON.parse(answer?.body ?? '{}')
      t.match(body, { type: `urn:headgate:problem:${slug}`, status }, what)
      t.equal(body.instance, `urn:headgate:request:${answer?.headers['x-request-id']}`, what)
    }
  })
}

t.test('without CORS there is no Access-Control-Allow-Origin', async t => {
  const api = await buildTestApi(t, aws)
  for (const [what, bytes] of [...requests, ...unreadable]) {
    const answer = await send(api, bytes)
    t.equal(answer?.headers['access-control-allow-origin'], undefined, what)
    t.equal(answer?.headers['cross-origin-resource-policy'], 'same-origin', what)
  }
})
