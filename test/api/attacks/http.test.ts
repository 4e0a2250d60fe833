import t from 'tap'
import { type Attack, as, makeAttacks, setScene } from './attack.ts'

/** Bytes as they are, and the same for the token's owner. */
const text = (...lines: string[]) => Buffer.from(lines.join('\r\n'), 'latin1')
const SMUGGLED = 'GET /livez HTTP/1.1\r\nHost: a\r\n\r\n'

const post = (...headers: string[]) => ['POST /uploads?filename=a HTTP/1.1', 'Host: a', ...headers]

const framing: Attack[] = [
  ['a length and chunks', ['Content-Length: 4', 'Transfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`],
  ['chunks and a length', ['Transfer-Encoding: chunked', 'Content-Length: 4'], `0\r\n\r\n${SMUGGLED}`],
  ['two lengths', ['Content-Length: 0', `Content-Length: ${SMUGGLED.length}`], SMUGGLED],
  ['two equal lengths', ['Content-Length: 1', 'Content-Length: 1'], 'x'],
  ['a list of lengths', ['Content-Length: 0, 4'], 'xxxx'],
  ['a negative length', ['Content-Length: -1'], 'x'],
  ['a length with a plus', ['Content-Length: +1'], 'x'],
  ['a length in hex', ['Content-Length: 0x1'], 'x'],
  ['a length that is no number', ['Content-Length: one'], 'x'],
  ['an empty length', ['Content-Length: '], 'x'],
  ['a length past all integers', ['Content-Length: 99999999999999999999999'], 'x'],
  ['a length with a point', ['Content-Length: 1.0'], 'x'],
  ['an unknown coding', ['Transfer-Encoding: xchunked'], `0\r\n\r\n${SMUGGLED}`],
  ['chunked, and another coding after it', ['Transfer-Encoding: chunked, gzip'], `0\r\n\r\n${SMUGGLED}`],
  ['chunked twice', ['Transfer-Encoding: chunked, chunked'], '0\r\n\r\n'],
  ['a coding before chunked', ['Transfer-Encoding: gzip, chunked'], '1\r\nx\r\n0\r\n\r\n'],
  ['two codings in two headers', ['Transfer-Encoding: identity', 'Transfer-Encoding: chunked'], '0\r\n\r\n'],
  ['a coding behind a vertical tab', ['Transfer-Encoding: \x0bchunked'], `0\r\n\r\n${SMUGGLED}`],
  ['a chunk size that is no number', ['Transfer-Encoding: chunked'], 'x\r\n\r\n'],
  ['a chunk size past all integers', ['Transfer-Encoding: chunked'], 'ffffffffffffffffff\r\nx'],
  ['a negative chunk size', ['Transfer-Encoding: chunked'], '-1\r\nx\r\n0\r\n\r\n'],
  ['a chunk that is longer than it says', ['Transfer-Encoding: chunked'], '1\r\nxx\r\n0\r\n\r\n'],
  ['a chunk that ends with a line feed alone', ['Transfer-Encoding: chunked'], '1\nx\n0\n\n'],
  ['a chunk extension with a line feed', ['Transfer-Encoding: chunked'], '1;a\nb\r\nx\r\n0\r\n\r\n'],
  ['a chunk extension of 200 KiB', ['Transfer-Encoding: chunked'], `1;${'a'.repeat(200_000)}\r\nx\r\n0\r\n\r\n`],
  ['a folded header', ['X-A: b', ' Content-Length: 4'], ''],
  ['a blank before the colon', ['Content-Length : 4'], 'xxxx'],
  ['a header without a name', [': a'], ''],
  ['a header without a colon', ['nonsense'], ''],
  ['a NUL in a header', ['X-A: a\0b'], ''],
  ['a carriage return in a header', ['X-A: a\rContent-Length: 4'], 'xxxx'],
  ['a NUL in a header’s name', ['X\0A: b'], ''],
  ['a line feed instead of a line end', ['X-A: b\nContent-Length: 4'], 'xxxx'],
].map(([what, headers, body]) => ({
  what: `framing: ${what}`,
  send: ({ attacker }) =>
    text(...post(`Authorization: ${attacker.auth.authorization}`, ...(headers as string[])), '', body as string),
  gets: '400 bad-request',
}))

const lines: Attack[] = [
  ['no HTTP', 'hello\r\n\r\n'],
  ['HTTP/0.9', 'GET /livez\r\n\r\n'],
  ['HTTP/2 on a connection of HTTP/1.1', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a version that is none', 'GET /livez HTTP/9.9\r\nHost: a\r\n\r\n'],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['a method that is none', 'SMUGGLE /livez HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a method in small letters', 'get /livez HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a blank in the path', 'GET /livez x HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a NUL in the path', 'GET /livez\0 HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['no Host', 'GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n'],
  ['a second request behind a wrong one', `nonsense\r\n\r\n${SMUGGLED}`],
  ['a blank line and then nonsense', '\r\n\r\nnonsense\r\n\r\n'],
].map(([what, bytes]) => ({ what: `request line: ${what}`, send: text(bytes ?? ''), gets: '400 bad-request' }))

const duplicates: Attack[] = [
  'Authorization',
  'Content-Type',
  'Host',
  'Idempotency-Key',
  'Content-Encoding',
  'X-Request-Id',
  'Traceparent',
].map(name => ({
  what: `headers: ${name} twice`,
  send: ({ attacker }) => {
    const values: Record<string, string> = { Authorization: attacker.auth.authorization, 'Content-Type': 'a/b' }
    const value = values[name] ?? 'same'
    const own = name === 'Authorization' ? [] : as(attacker)
    return { method: 'POST', path: '/uploads?filename=a', headers: [...own, [name, value], [name, value]], body: 'x' }
  },
  gets: '400 bad-request',
}))

const headers: Attack[] = [
  {
    what: 'headers: 140 KiB together',
    send: { path: '/livez', headers: [['X-A', 'a'.repeat(140_000)]] },
    gets: '431 headers-too-large',
  },
  {
    what: 'headers: ten thousand of them',
    send: { path: '/livez', headers: Array.from({ length: 10_000 }, (_, index) => [`X-${index}`, '12345']) },
    gets: '431 headers-too-large',
  },
  {
    what: 'headers: a path in X-Original-URL is not followed',
    send: ({ attacker }) => ({
      path: '/nothing',
      headers: as(attacker, ['X-Original-URL', '/livez'], ['X-Rewrite-URL', '/livez']),
    }),
    gets: '404 not-found',
  },
  {
    what: 'headers: a method in X-HTTP-Method-Override is not taken',
    send: { method: 'GET', path: '/livez', headers: [['X-HTTP-Method-Override', 'DELETE']] },
    gets: '200',
  },
  {
    what: 'headers: an identity that a gateway would send is none',
    send: ({ victim, victimsId }) => ({
      path: `/uploads/${victimsId}`,
      headers: [
        ['X-Amzn-Oidc-Identity', victim.sub],
        ['X-User-Id', victim.sub],
        [
          'X-Apigateway-Event',
          encodeURIComponent(JSON.stringify({ requestContext: { authorizer: { sub: victim.sub } } })),
        ],
      ],
    }),
    gets: '401 missing-token',
  },
  {
    what: 'headers: an expectation that nobody knows',
    send: { path: '/livez', headers: [['Expect', 'a-miracle']] },
    gets: '200',
  },
  {
    what: 'headers: an upgrade is not made',
    send: {
      path: '/livez',
      headers: [
        ['Connection', 'Upgrade, close'],
        ['Upgrade', 'h2c'],
        ['HTTP2-Settings', 'AAMAAABkAARAAAAAAAIAAAAA'],
      ],
    },
    gets: '200',
  },
]

const methods: Attack[] = ['TRACE', 'PROPFIND', 'PURGE', 'SUBSCRIBE', 'LINK', 'MKCOL'].map(method => ({
  what: `methods: ${method}`,
  send: ({ attacker }) => ({ method, path: '/livez', headers: as(attacker) }),
  gets: '405 method-not-allowed',
}))

const paths: Attack[] = [
  '//livez',
  '/livez/',
  '/livez/.',
  '/LIVEZ',
  '/livez%00',
  '/livez%20',
  '/livez;a=b',
  '/%2flivez',
  '/./livez',
  '/x/../livez',
  '/x/..%2flivez',
  '/..',
  '/../../etc/passwd',
  '/%2e%2e/%2e%2e/etc/passwd',
  '/..%c0%af..%c0%afetc/passwd',
  '/docs/../package.json',
  '/docs/static/.env',
  '/docs/static/nothing.js',
  '/docs/static/..%2f..%2f..%2fpackage.json',
  '/docs/static/../../../package.json',
  '/docs/static/%2e%2e/%2e%2e/package.json',
  '/docs/static/..%5c..%5cpackage.json',
  '/.git/config',
  '/package.json',
  '/__proto__',
  '/constructor/prototype',
  'http://169.254.169.254/latest/meta-data/',
].map(path => ({
  what: `paths: ${path}`,
  send: { path },
  gets: path.includes('%c0') ? '400 bad-request' : '404 not-found',
}))

const ownPaths: Attack[] = [
  // Its host is not looked at, and nothing is fetched.
  { what: 'paths: a whole URL is only its path', send: { path: 'http://127.0.0.1:1/livez' }, gets: '200' },
]

t.test('what is not a request of HTTP/1.1 that can be read in one way only is refused', async t => {
  const scene = await setScene(t)
  await makeAttacks(t, scene, [...framing, ...lines, ...duplicates, ...headers, ...methods, ...paths, ...ownPaths])
})
