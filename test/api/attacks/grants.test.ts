import t from 'tap'
import { complete, grant, send } from '../grants/support.ts'
import { createTestUser, isProblem, NO_TRACES } from '../support.ts'
import { type Attack, as, JSON_TYPE, makeAttacks, type Scene, setScene } from './attack.ts'

const WANTED = { filename: 'a', contentType: 'a/b', size: 1 }
const BODY = '400 invalid-body'
const JSON_GIVEN = '400 malformed-json'

const granting = (
  what: string,
  body: string | Uint8Array,
  gets: Attack['gets'],
  headers: ReadonlyArray<readonly [string, string]> = [JSON_TYPE],
): Attack => ({
  what: `grants: ${what}`,
  send: ({ attacker }) => ({ method: 'POST', path: '/uploads/grants', headers: as(attacker, ...headers), body }),
  gets,
})

const wanting = (what: string, changed: Record<string, unknown>, gets: Attack['gets']): Attack =>
  granting(what, JSON.stringify({ ...WANTED, ...changed }), gets)

/** Creates an attack with a size as literal JSON. */
const sized = (size: string, gets: Attack['gets'] = BODY): Attack =>
  granting(`a size of ${size}`, `{"filename":"a","contentType":"a/b","size":${size}}`, gets)

const grants: Attack[] = [
  ...['-1', '1.5', '"1"', 'null', 'true', '[1]', '{}', '1e309', '-1e309'].map(size => sized(size)),
  ...['100001', '9007199254740991', '9007199254740993', '1e300'].map(size => sized(size, '413 payload-too-large')),
  sized('NaN', JSON_GIVEN),
  sized('0x1', JSON_GIVEN),
  sized('01', JSON_GIVEN),
  ...['../a', '..', '', ' ', 'a\0', 'a\r\nb', 'a\u202eb', '/etc/passwd', 'C:\\a', '\uffff', 'x'.repeat(1_025)].map(
    filename => wanting(`the name ${JSON.stringify(filename).slice(0, 20)}`, { filename }, '400 invalid-filename'),
  ),
  granting('half a surrogate pair', '{"filename":"\\ud800","contentType":"a/b","size":1}', '400 invalid-filename'),
  wanting('an empty type counts as none', { contentType: '' }, '201'),
  ...['text', 'a/b\r\nx: y', ' a/b', 'a/b c', 'a/b;c="', `a/${'b'.repeat(300)}`, 'ä/b'].map(contentType =>
    wanting(`the type ${JSON.stringify(contentType).slice(0, 20)}`, { contentType }, '400 invalid-content-type'),
  ),
  ...['', 'zz', 'a'.repeat(63), 'a'.repeat(65), 1, null].map(sha256 =>
    wanting(`the digest ${sha256}`, { sha256 }, BODY),
  ),
  wanting('no name', { filename: undefined }, BODY),
  wanting('a key of S3', { key: 'uploads/x' }, BODY),
  wanting('a bucket', { bucket: 'other' }, BODY),
  wanting('an id', { uploadId: '01a213c5-639c-730f-82e8-fe03cd8da89e' }, BODY),
  wanting('an owner', { owner: 'somebody' }, BODY),
  granting('a prototype', '{"filename":"a","contentType":"a/b","size":1,"__proto__":{"size":2}}', BODY),
  granting('a constructor', '{"filename":"a","contentType":"a/b","size":1,"constructor":{"prototype":{}}}', BODY),
  granting('a list', '[]', BODY),
  granting('null', 'null', BODY),
  granting('nothing', '0\r\n\r\n', JSON_GIVEN, [JSON_TYPE, ['Transfer-Encoding', 'chunked']]),
  granting('lists in lists', '['.repeat(20_000), JSON_GIVEN),
  granting('two values', '{}{}', JSON_GIVEN),
  granting(
    'bytes that are no UTF-8',
    Buffer.from('{"filename":"\xff","contentType":"a/b","size":1}', 'latin1'),
    JSON_GIVEN,
  ),
  granting('more bytes than the maximum', `{"filename":"${'a'.repeat(60_000)}"}`, '413 payload-too-large'),
  granting('UTF-16', JSON.stringify(WANTED), '415 unsupported-media-type', [
    ['Content-Type', 'application/json; charset=utf-16'],
  ]),
  granting('gzip', JSON.stringify(WANTED), '415 unsupported-media-type', [JSON_TYPE, ['Content-Encoding', 'gzip']]),
  granting('text', JSON.stringify(WANTED), '415 unsupported-media-type', [['Content-Type', 'text/plain']]),
  granting('a form', 'filename=a&size=1', '415 unsupported-media-type', [
    ['Content-Type', 'application/x-www-form-urlencoded'],
  ]),
  granting('a digest of other bytes', JSON.stringify(WANTED), '400 digest-mismatch', [
    JSON_TYPE,
    ['Content-Digest', `sha-256=:${'A'.repeat(43)}=:`],
  ]),
  granting('an invalid digest', JSON.stringify(WANTED), '400 invalid-digest', [JSON_TYPE, ['Content-Digest', 'x']]),
  granting('a key twice is its last', '{"filename":"../a","filename":"a","contentType":"a/b","size":1}', '201'),
  granting('a size with an exponent is a size', '{"filename":"a","contentType":"a/b","size":1e2}', '201'),
  granting('a file of nothing', '{"filename":"a","contentType":"a/b","size":0}', '201'),
  granting('the largest file', '{"filename":"a","contentType":"a/b","size":100000}', '201'),
]

let victims = ''

/** Requests of the attacker for an upload that was granted to the victim. */
const foreign: Attack[] = [
  ['GET', '/grant'],
  ['HEAD', '/grant'],
  ['POST', '/complete'],
  ['DELETE', ''],
  ['GET', '/content'],
  ['GET', '?wait=25'],
  ['GET', '/events'],
  ['GET', '/processed'],
  ['GET', '/outputs/main'],
].map(([method, path]) => ({
  what: `grants: another’s by ${method} ${path}`,
  send: ({ attacker }) => ({ method: method as string, path: `/uploads/${victims}${path}`, headers: as(attacker) }),
  gets: method === 'HEAD' ? '404 ' : '404 not-found',
}))

const begun = async ({ api, attacker, begun }: Scene): Promise<string> => {
  const { uploadId } = await grant(api, attacker, { size: 1 })
  begun.push(uploadId)
  return uploadId
}

const afterwards = (
  what: string,
  path: (id: string) => string,
  gets: Attack['gets'],
  { method = 'POST', body = '' }: { method?: string; body?: string } = {},
): Attack => ({
  what: `grants: ${what}`,
  send: async scene => ({
    method,
    path: path(await begun(scene)),
    headers: as(scene.attacker, JSON_TYPE),
    body,
  }),
  gets,
})

const completions: Attack[] = [
  afterwards('completed with nothing there', id => `/uploads/${id}/complete`, '409 not-arrived'),
  afterwards('completed with a size of its client’s', id => `/uploads/${id}/complete`, '409 not-arrived', {
    body: '{"size":1,"sha256":"00","status":"stored"}',
  }),
  afterwards('completed with an invalid body', id => `/uploads/${id}/complete`, '409 not-arrived', { body: '{' }),
  afterwards('completed by the id in capitals', id => `/uploads/${id.toUpperCase()}/complete`, '404 not-found'),
  afterwards('completed behind a step up', id => `/uploads/x%2f..%2f${id}/complete`, '404 not-found'),
  afterwards('completed by GET', id => `/uploads/${id}/complete`, '405 method-not-allowed', { method: 'GET' }),
  afterwards('its content before it is there', id => `/uploads/${id}/content`, '409 content-not-ready', {
    method: 'GET',
  }),
  afterwards('gone on with by tus', id => `/uploads/tus/${id}`, '412 unsupported-tus-version', { method: 'PATCH' }),
]

t.test('an invalid grant request is rejected, and only its owner can use a grant', async t => {
  const scene = await setScene(t)
  victims = (await grant(scene.api, scene.victim, { size: 1 })).uploadId
  await makeAttacks(t, scene, [...grants, ...foreign, ...completions])
})

t.test('a file that differs from the granted one is rejected, however it is completed', async t => {
  const { api, aws } = await setScene(t)
  const differences: Array<[what: string, headers: Record<string, string>, bytes: string]> = [
    ['more bytes', { 'content-length': '2' }, 'xy'],
    ['no bytes', { 'content-length': '0' }, ''],
    ['another type', { 'content-type': 'text/html' }, 'x'],
    ['no owner', { 'x-amz-meta-owner': '' }, 'x'],
    ['another’s name', { 'x-amz-meta-owner': 'somebody' }, 'x'],
  ]
  for (const [what, changed, bytes] of differences) {
    const user = await createTestUser(aws)
    const { uploadId, put } = await grant(api, user, { size: 1 })
    // AWS would reject the PUT by its signature. The embedded S3 does not check signatures, so the api must detect the difference.
    if (put) await send({ url: put.url, headers: { ...put.headers, ...changed } }, Buffer.from(bytes))
    const answers = await Promise.all(Array.from({ length: 4 }, () => complete(api, user, uploadId)))
    for (const answer of answers) {
      if (answer.status !== 404) isProblem(t, answer, 422, 'arrival-refused', what)
    }
    t.ok(
      answers.some(({ status }) => status === 422),
      `${what}: one response has the reason`,
    )
    t.same(await user.traces(), NO_TRACES, `${what}: nothing is left`)
    t.equal((await complete(api, user, uploadId)).status, 404, `${what}: the grant has ended`)
  }
})

t.test('a grant that is completed repeatedly and concurrently is one upload', async t => {
  const { api, aws } = await setScene(t)
  const user = await createTestUser(aws)
  const { uploadId, put } = await grant(api, user, { size: 1 })
  if (put) await send(put, Buffer.from('x'))
  const answers = await Promise.all(Array.from({ length: 8 }, () => complete(api, user, uploadId)))
  for (const { status, body } of answers) {
    // A request that reads the record while another request publishes the event finds the upload stored, but not queued yet.
    t.match(body, { uploadId, status: status === 202 ? 'stored' : 'queued' })
    t.ok(status === 200 || status === 202, `status ${status}`)
  }
  t.ok(
    answers.some(({ status }) => status === 200),
    'the request that publishes the event responds with 200',
  )
  // The client may use the URL again until it expires. S3 rejects that by If-None-Match.
  t.match(put?.headers, { 'if-none-match': '*' })
  if (put) t.equal((await send(put, Buffer.from('y'))).status, 412)
  t.match(await complete(api, user, uploadId), { status: 200, body: { uploadId, size: 1 } })
  t.equal((await user.traces()).objects.length, 1)
})
