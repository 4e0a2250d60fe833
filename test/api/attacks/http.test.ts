import t from 'tap'
import { type Attack, as, makeAttacks, setScene } from './attack.ts'

const hosts: Attack[] = [
  ...['evil.example/x', 'a b', 'a@b', '<script>', 'a:b', 'a:80:80', '[::1', 'a, b', 'a#b', 'a?b', '\xfc'].map(
    (host): Attack => ({
      what: `host: ${host}`,
      send: { path: '/livez', headers: [['Host', host]] },
      gets: '400 bad-request',
    }),
  ),
  ...['', 'evil.example', '127.0.0.1:9090', '[::1]:80', 'a_b', 'xn--a.example.'].map(
    (host): Attack => ({
      what: `host: "${host}" is none of our business`,
      send: ({ attacker }) => ({
        method: 'POST',
        path: '/uploads',
        headers: [['Host', host], ...as(attacker, ['Content-Type', 'application/json'])],
        body: '{}',
      }),
      gets: '200',
      answer: { headers: { location: /^\/uploads\/[0-9a-f-]{36}$/ } },
    }),
  ),
]

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
    what: 'headers: two and a half thousand, and the token behind them',
    send: ({ attacker }) => ({
      path: '/uploads',
      headers: [...Array.from({ length: 2_500 }, (_, index) => [`X-${index}`, '1'] as const), ...as(attacker)],
    }),
    gets: '431 headers-too-large',
  },
  {
    what: 'headers: the admin port by another’s names',
    send: {
      path: '/metrics',
      headers: [
        ['X-Forwarded-For', '127.0.0.1'],
        ['X-Forwarded-Host', '127.0.0.1:9090'],
        ['X-Forwarded-Port', '9090'],
        ['Forwarded', 'for=127.0.0.1;host=127.0.0.1:9090'],
      ],
    },
    gets: '404 not-found',
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
    what: 'headers: X-HTTP-Method-Override is ignored',
    send: { method: 'GET', path: '/livez', headers: [['X-HTTP-Method-Override', 'DELETE']] },
    gets: '200',
  },
  {
    what: 'headers: an identity from a gateway is ignored',
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
    what: 'headers: an unknown expectation',
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
  '/uploads.',
  '/uploads;a=b',
  '/uploads%2f',
  '/uploads%20',
  '/uploads\\',
  '//uploads',
  '/UPLOADS',
  '/uploads//tus',
  '/uploads/../livez',
  '/uploads/%2e%2e/livez',
  '/uploads/..;/livez',
  '/livez.',
  '/metrics',
  'http://169.254.169.254/latest/meta-data/',
].map(path => ({
  what: `paths: ${path}`,
  send: { path },
  gets: path.includes('%c0') ? '400 bad-request' : '404 not-found',
}))

const ownPaths: Attack[] = [
  // The api ignores the host of a whole URL and fetches nothing.
  { what: 'paths: a fragment', send: { path: '/livez#/uploads' }, gets: '400 bad-request' },
  { what: 'paths: letters that are encoded without need', send: { path: '/%6civez' }, gets: '200' },
  { what: 'paths: a whole URL is only its path', send: { path: 'http://127.0.0.1:1/livez' }, gets: '200' },
]

t.test('a request with unknown or repeated names is rejected', async t => {
  const scene = await setScene(t)
  await makeAttacks(t, scene, [...hosts, ...duplicates, ...headers, ...methods, ...paths, ...ownPaths])
})
