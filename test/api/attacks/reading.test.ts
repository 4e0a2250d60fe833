import t from 'tap'
import { type Attack, as, makeAttacks, setScene } from './attack.ts'

const ORIGIN = 'https://app.example'
const NONE = { headers: { 'access-control-allow-origin': undefined, 'access-control-allow-credentials': undefined } }
const OURS = { headers: { 'access-control-allow-origin': /^https:\/\/app\.example$/ } }

/** A request of a web page, as a browser sends it. */
const fromPage = (origin: string, isOurs: boolean, method = 'GET'): Attack => ({
  what: `origins: ${method} of ${origin.slice(0, 40)}`,
  send: ({ attacker }) => ({
    method,
    path: '/uploads',
    headers:
      method === 'OPTIONS'
        ? [
            ['Origin', origin],
            ['Access-Control-Request-Method', 'POST'],
            ['Access-Control-Request-Headers', 'authorization'],
          ]
        : as(attacker, ['Origin', origin]),
  }),
  gets: method === 'OPTIONS' ? '204' : '200',
  answer: isOurs ? OURS : NONE,
})

const origins: Attack[] = [
  ...['GET', 'OPTIONS'].flatMap(method => [
    fromPage(ORIGIN, true, method),
    ...[
      'https://evil.example',
      'null',
      '*',
      'http://app.example',
      'https://app.example.evil.example',
      'https://evilapp.example',
      'https://evil.example/https://app.example',
      'https://app.example:444',
      'https://app.example/',
      'https://APP.example',
      'https://app.example, https://evil.example',
      'https://app.example\xa0',
      'https://sub.app.example',
      'file://',
      'x'.repeat(10_000),
    ].map(origin => fromPage(origin, false, method)),
  ]),
]

const reading = (
  what: string,
  path: (id: string) => string,
  gets: Attack['gets'],
  more: Partial<Pick<Attack, 'answer'>> & { headers?: ReadonlyArray<readonly [string, string]> } = {},
): Attack => ({
  what: `reading: ${what}`,
  send: ({ attacker }) => ({ path: path(own), headers: as(attacker, ...(more.headers ?? [])) }),
  gets,
  ...(more.answer && { answer: more.answer }),
})

let own = ''

const conditions: Attack[] = [
  ...['"x"', 'x', '""', 'W/"x"', '"x", W/"y"', ',', '"', `"${'x'.repeat(60_000)}"`, `${'"x",'.repeat(5_000)}`].map(
    tag =>
      reading(`a tag of ${tag.slice(0, 20)}`, id => `/uploads/${id}`, '200', { headers: [['If-None-Match', tag]] }),
  ),
  reading('any tag', id => `/uploads/${id}`, '304', { headers: [['If-None-Match', '*']] }),
  reading('any tag among others', id => `/uploads/${id}`, '200', { headers: [['If-None-Match', '"x", *']] }),
  ...['-1', '26', '1e1', '1.5', '', ' 1', 'NaN', 'Infinity', '0x1', '1&wait=2', '9'.repeat(400)].map(wait =>
    reading(`a wait of "${wait.slice(0, 20)}"`, id => `/uploads/${id}?wait=${encodeURI(wait)}`, '400 invalid-body'),
  ),
  ...['bytes=0-0', 'bytes=-1', 'bytes=9-1', 'x', `bytes=${'0-0,'.repeat(5_000)}`].map(range =>
    reading(`a range of ${range.slice(0, 20)}`, id => `/uploads/${id}/content`, '302', {
      headers: [['Range', range]],
      answer: { headers: { location: /^http:\/\/127\.0\.0\.1:\d+\/headgate-uploads\/uploads\// } },
    }),
  ),
  reading('another host in a redirect', id => `/uploads/${id}/content`, '302', {
    headers: [
      ['X-Forwarded-Host', 'evil.example'],
      ['X-Forwarded-Proto', 'https'],
    ],
    answer: { headers: { location: /^http:\/\/127\.0\.0\.1:\d+\// } },
  }),
  // Before an upload is processed, the names of its outputs are unknown.
  ...['..', '%2e%2e%2fmain', '__proto__', 'constructor', 'main%00', 'toString'].map(name =>
    reading(`an output called ${name}`, id => `/uploads/${id}/outputs/${name}`, '409 content-not-ready'),
  ),
  reading('an output with a long name', id => `/uploads/${id}/outputs/${'x'.repeat(300)}`, '404 not-found'),
  ...['x', 'AAAA', '%00', 'A'.repeat(22), `${'A'.repeat(21)}B`, '__proto__', ''].map(cursor =>
    reading(`a cursor of "${cursor.slice(0, 20)}"`, () => `/uploads?cursor=${cursor}`, '400 invalid-cursor'),
  ),
  ...[
    'limit=0',
    'limit=101',
    'limit=-1',
    'limit=1e1',
    'limit=',
    'limit=1&limit=2',
    'status=',
    'status=deleted',
    'status=__proto__',
    `cursor=${'A'.repeat(65)}`,
  ].map(query => reading(`the query ${query.slice(0, 30)}`, () => `/uploads?${query}`, '400 invalid-body')),
]

t.test('reads show only the owner’s uploads, with any condition, page or origin', async t => {
  const scene = await setScene(t, { CORS_ORIGINS: ORIGIN })
  const { url } = scene.api
  const init = { method: 'POST', headers: { ...scene.attacker.auth, 'content-type': 'application/json' }, body: '{}' }
  own = ((await (await fetch(`${url}/uploads`, init)).json()) as { uploadId: string }).uploadId
  scene.begun.push(own)
  await makeAttacks(t, scene, [...origins, ...conditions])
})
