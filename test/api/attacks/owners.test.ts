import { createHmac, createSign, generateKeyPairSync, type KeyObject } from 'node:crypto'
import t from 'tap'
import { type Attack, as, JSON_TYPE, makeAttacks, type Scene, setScene } from './attack.ts'

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 })

/** Returns the parts of a token, to combine them in other ways. */
function partsOf(token: string) {
  const [head = '', payload = '', signature = ''] = token.split('.')
  const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>
  return { head, payload, signature, header: decode(head), claims: decode(payload) }
}

function signed(header: unknown, claims: unknown, key: KeyObject = stranger.privateKey): string {
  const input = `${encode(header)}.${encode(claims)}`
  return `${input}.${createSign('RSA-SHA256').update(input).sign(key, 'base64url')}`
}

const withToken = (
  what: string,
  authorization: (scene: Scene) => string,
  gets: Attack['gets'] = '401 invalid-token',
): Attack => ({
  what: `tokens: ${what}`,
  send: scene => ({ path: `/uploads/${scene.victimsId}`, headers: [['Authorization', authorization(scene)]] }),
  gets,
})

const forged = (what: string, forge: (parts: ReturnType<typeof partsOf>, scene: Scene) => string): Attack =>
  withToken(what, scene => `Bearer ${forge(partsOf(scene.attacker.accessToken), scene)}`)

const tokens: Attack[] = [
  forged('no signature', ({ header, claims }) => `${encode({ ...header, alg: 'none' })}.${encode(claims)}.`),
  forged(
    'no signature, with the victim’s name',
    ({ header, claims }, { victim }) =>
      `${encode({ ...header, alg: 'NONE' })}.${encode({ ...claims, sub: victim.sub })}.`,
  ),
  forged(
    'the victim’s name under an own signature',
    ({ head, claims, signature }, { victim }) => `${head}.${encode({ ...claims, sub: victim.sub })}.${signature}`,
  ),
  forged('HS256', ({ header, claims }) => {
    const input = `${encode({ ...header, alg: 'HS256' })}.${encode(claims)}`
    return `${input}.${createHmac('sha256', 'secret').update(input).digest('base64url')}`
  }),
  forged('an empty secret', ({ header, claims }) => {
    const input = `${encode({ ...header, alg: 'HS256' })}.${encode(claims)}`
    return `${input}.${createHmac('sha256', '').update(input).digest('base64url')}`
  }),
  forged('a stranger’s key with the right name', ({ header, claims }) => signed(header, claims)),
  forged('a stranger’s key in the token', ({ header, claims }) =>
    signed({ ...header, jwk: stranger.publicKey.export({ format: 'jwk' }) }, claims),
  ),
  forged('a stranger’s key at a URL', ({ header, claims }) =>
    signed({ ...header, jku: 'http://127.0.0.1:1/jwks.json' }, claims),
  ),
  forged('a stranger’s certificate', ({ header, claims }) =>
    signed({ ...header, x5c: ['AAAA'], x5u: 'http://127.0.0.1:1/' }, claims),
  ),
  forged('a stranger’s issuer', ({ header, claims }) => signed(header, { ...claims, iss: 'http://127.0.0.1:1/pool' })),
  forged('a kid that is a file', ({ header, claims }) => signed({ ...header, kid: '../../../../dev/null' }, claims)),
  forged('a kid that is a query', ({ header, claims }) => signed({ ...header, kid: "' OR 1=1 --" }, claims)),
  forged('a kid that is nothing', ({ header, claims }) => signed({ ...header, kid: '' }, claims)),
  forged('a kid of the prototype', ({ header, claims }) => signed({ ...header, kid: 'constructor' }, claims)),
  forged('elliptic curves', ({ header, claims }) => signed({ ...header, alg: 'ES256' }, claims)),
  forged('PS256', ({ header, claims }) => signed({ ...header, alg: 'PS256' }, claims)),
  forged('an empty signature', ({ head, payload }) => `${head}.${payload}.`),
  forged('a signature of zeros', ({ head, payload }) => `${head}.${payload}.${'A'.repeat(342)}`),
  forged(
    'a signature that is cut off',
    ({ head, payload, signature }) => `${head}.${payload}.${signature.slice(0, -4)}`,
  ),
  forged('a signature with more behind it', ({ head, payload, signature }) => `${head}.${payload}.${signature}AAAA`),
  forged('parts in another order', ({ head, payload, signature }) => `${payload}.${head}.${signature}`),
  forged('a part too few', ({ head, payload }) => `${head}.${payload}`),
  forged('a part too many', ({ head, payload, signature }) => `${head}.${payload}.${signature}.a`),
  forged('characters that are not base64url', ({ head, payload, signature }) => `${head}.${payload}.${signature}+/`),
  forged('100 KiB', ({ head, payload, signature }) => `${head}.${payload}.${signature}${'A'.repeat(100_000)}`),
  forged('a head that is no JSON', ({ payload, signature }) => `aGVsbG8.${payload}.${signature}`),
  forged('a head that is a list', ({ payload, signature }) => `${encode([])}.${payload}.${signature}`),
  forged(
    'a deep head',
    ({ payload, signature }) => `${Buffer.from('['.repeat(5_000)).toString('base64url')}.${payload}.${signature}`,
  ),
  withToken('two in a header', ({ attacker }) => `Bearer ${attacker.accessToken}, Bearer ${attacker.accessToken}`),
  withToken('a blank in it', ({ attacker }) => `Bearer ${attacker.accessToken.replace('.', '. ')}`),
  withToken('none behind its scheme', () => 'Bearer'),
  withToken('another scheme', ({ attacker }) => `Basic ${attacker.accessToken}`, '401 missing-token'),
  withToken('no scheme', ({ attacker }) => attacker.accessToken, '401 missing-token'),
  withToken('a name and a password', () => 'Basic YWRtaW46YWRtaW4=', '401 missing-token'),
  withToken('a scheme that only begins so', ({ attacker }) => `BearerX ${attacker.accessToken}`, '401 missing-token'),
  withToken('an empty header', () => '', '401 missing-token'),
  ...['?access_token=', '?token=', '?jwt='].map(
    (query): Attack => ({
      what: `tokens: in the query, as ${query}`,
      send: ({ victimsId, victim }) => ({ path: `/uploads/${victimsId}${query}${victim.accessToken}` }),
      gets: '401 missing-token',
    }),
  ),
  {
    what: 'tokens: in a cookie',
    send: ({ victimsId, victim }) => ({
      path: `/uploads/${victimsId}`,
      headers: [['Cookie', `token=${victim.accessToken}`]],
    }),
    gets: '401 missing-token',
  },
  {
    what: 'tokens: in a body',
    send: ({ attacker }) => ({
      method: 'POST',
      path: '/uploads',
      headers: [JSON_TYPE],
      body: JSON.stringify({ access_token: attacker.accessToken }),
    }),
    gets: '401 missing-token',
  },
]

const atVictims = (what: string, path: (id: string) => string, gets: Attack['gets'] = '404 not-found'): Attack => ({
  what: `another’s: ${what}`,
  send: ({ attacker, victimsId }) => ({ path: path(victimsId), headers: as(attacker) }),
  gets,
})

const owners: Attack[] = [
  atVictims('its id', id => `/uploads/${id}`),
  atVictims('its id in capitals', id => `/uploads/${id.toUpperCase()}`),
  atVictims('its id in braces', id => `/uploads/{${id}}`),
  atVictims('its id without dashes', id => `/uploads/${id.replaceAll('-', '')}`),
  atVictims('its id with a blank', id => `/uploads/${id}%20`),
  atVictims('its id with a NUL', id => `/uploads/${id}%00`),
  atVictims('its id with a slash', id => `/uploads/${id}%2f`),
  atVictims('its id behind a step up', id => `/uploads/x%2f..%2f${id}`),
  atVictims('its id twice', id => `/uploads/${id},${id}`),
  atVictims('an id of all', () => '/uploads/*'),
  atVictims('an id of nothing', () => '/uploads/%00'),
  atVictims('an id that was not made yet', () => '/uploads/ffffffff-ffff-7fff-bfff-ffffffffffff'),
  atVictims('the least id', () => '/uploads/00000000-0000-7000-8000-000000000000'),
  atVictims('an id of 5,000 characters', () => `/uploads/${'a'.repeat(5_000)}`),
  atVictims('a bracket in the id', () => '/uploads/[object%20Object]'),
  ...(['owner', 'sub', 'userSub', 'user'] as const).map(
    (name): Attack => ({
      what: `another’s: the ${name} in the query`,
      send: ({ attacker, victim, victimsId }) => ({
        path: `/uploads/${victimsId}?${name}=${victim.sub}`,
        headers: as(attacker),
      }),
      gets: '404 not-found',
    }),
  ),
  ...['X-Owner', 'X-User-Id', 'X-Forwarded-User', 'X-Amzn-Oidc-Identity', 'X-Cognito-Sub'].map(
    (name): Attack => ({
      what: `another’s: the owner as ${name}`,
      send: ({ attacker, victim, victimsId }) => ({
        path: `/uploads/${victimsId}`,
        headers: as(attacker, [name, victim.sub]),
      }),
      gets: '404 not-found',
    }),
  ),
  {
    what: 'another’s: only whether it is there',
    send: ({ attacker, victimsId }) => ({ method: 'HEAD', path: `/uploads/${victimsId}`, headers: as(attacker) }),
    gets: '404 ',
  },
  {
    what: 'another’s: whether it has changed',
    send: ({ attacker, victimsId }) => ({
      path: `/uploads/${victimsId}`,
      headers: as(attacker, ['If-None-Match', '*']),
    }),
    gets: '404 not-found',
  },
  {
    what: 'another’s: a file among the victim’s',
    send: ({ attacker, victim }) => ({
      method: 'POST',
      path: `/uploads?filename=..%2f${victim.sub}%2fa`,
      headers: as(attacker),
      body: 'x',
    }),
    gets: '400 invalid-filename',
  },
  {
    what: 'another’s: a file in the place of the victim’s',
    send: ({ attacker, victim, victimsId }) => ({
      method: 'POST',
      path: '/uploads',
      headers: as(attacker, JSON_TYPE),
      body: JSON.stringify({ filename: `uploads/${victim.sub}/${victimsId}/secret.txt` }),
    }),
    gets: '400 invalid-filename',
  },
  {
    what: 'another’s: an id for the upload',
    send: ({ attacker, victimsId }) => ({
      method: 'POST',
      path: '/uploads',
      headers: as(attacker, JSON_TYPE),
      body: JSON.stringify({ uploadId: victimsId }),
    }),
    gets: '400 invalid-body',
  },
  {
    what: 'another’s: an owner in the name is only a name',
    send: ({ attacker }) => ({
      method: 'POST',
      path: '/uploads?filename={owner}{uploadId}',
      headers: as(attacker),
      body: 'x',
    }),
    gets: '200',
  },
  ...['a b', '', '"', '""', '"a', '"a\\b"', '"a";v=1', 'x'.repeat(256), '\xfc', 'a,b', '"a", "b"'].map(
    (key): Attack => ({
      what: `keys: ${key.slice(0, 9)}`,
      send: ({ attacker }) => ({
        method: 'POST',
        path: '/uploads',
        headers: as(attacker, JSON_TYPE, ['Idempotency-Key', key]),
        body: '{}',
      }),
      gets: '400 invalid-idempotency-key',
    }),
  ),
]

t.test('no token or id gives access to another owner’s upload', async t => {
  await makeAttacks(t, await setScene(t), [...tokens, ...owners])
})
