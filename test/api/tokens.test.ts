import { createHmac, createSign } from 'node:crypto'
import t from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { createKeySource } from '../../services/api/auth/key-source.ts'
import { startOwnAws } from '../support/aws.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { makeKey, type SigningKey, startIssuer } from './issuer.ts'
import { type Answer, ask, buildTestApi, createTestUser, eventually, isProblem } from './support.ts'

const aws = await startOwnAws(t)
const issuer = await startIssuer(t)
const keys = createKeySource({ issuer: issuer.url, timeoutMs: 200, pauseMs: 1, missMs: 1 })
const api = await buildTestApi(t, aws, { env: { COGNITO_ISSUER: issuer.url }, keys })
const [key = makeKey('none')] = issuer.keys
const clientId = aws.env.COGNITO_CLIENT_ID
const seconds = (from: number) => Math.floor(Date.now() / 1000) + from

const access = {
  iss: issuer.url,
  sub: 'user-1',
  token_use: 'access',
  client_id: clientId,
  iat: seconds(0),
  exp: seconds(600),
}
const id = { iss: issuer.url, sub: 'user-1', token_use: 'id', aud: clientId, iat: seconds(0), exp: seconds(600) }

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

function sign(payload: unknown, header: Record<string, unknown> = {}, by: SigningKey = key): string {
  const input = `${encode({ alg: 'RS256', typ: 'JWT', kid: by.kid, ...header })}.${encode(payload)}`
  return `${input}.${createSign('RSA-SHA256').update(input).sign(by.privateKey, 'base64url')}`
}

function signHmac(payload: unknown, secret: string | Buffer): string {
  const input = `${encode({ alg: 'HS256', typ: 'JWT', kid: key.kid })}.${encode(payload)}`
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

/** Sends a request that gets 404 if the token is accepted. */
const probe = (authorization?: string): Promise<Answer> =>
  ask(`${api.url}/uploads/${uuidv7()}`, authorization === undefined ? {} : { headers: { authorization } })

const without = (claims: Record<string, unknown>, ...names: string[]) =>
  Object.fromEntries(Object.entries(claims).filter(([name]) => !names.includes(name)))

t.test('an id and an access token of the issuer for the client are accepted', async t => {
  for (const token of [sign(access), sign(id)]) {
    t.equal((await probe(`Bearer ${token}`)).status, 404)
    t.equal((await probe(`bearer ${token}`)).status, 404, 'the scheme is case-insensitive')
    t.equal((await probe(`Bearer ${token}`)).status, 404, 'and again, from the cache')
  }
})

t.test('tokens of a withdrawn key are rejected after five minutes, cached or not', async t => {
  const rotating = await startIssuer(t)
  const [withdrawn = key] = rotating.keys
  const started = Date.now()
  const clock = new FakeClock()
  t.intercept(Date, 'now', { value: () => started + clock.now() })
  const source = createKeySource({ issuer: rotating.url, now: clock.now })
  const own = await buildTestApi(t, aws, { env: { COGNITO_ISSUER: rotating.url }, keys: source })
  const token = (jti: string) => sign({ ...access, iss: rotating.url, exp: seconds(86_400), jti }, {}, withdrawn)
  const [first, second] = [token('1'), token('2')]
  const status = async (sent: string) => {
    const headers = { authorization: `Bearer ${sent}` }
    return (await ask(`${own.url}/uploads/${uuidv7()}`, { headers })).status
  }

  t.equal(await status(first), 404)
  rotating.keys = [makeKey('next')]
  clock.advance(299_000)
  t.equal(await status(first), 404, 'remembered')
  t.equal(await status(second), 404, 'the cached key set is still fresh')
  clock.advance(2_000)
  t.equal(await status(first), 401)
  t.equal(await status(second), 401, 'though it was verified a moment ago')
})

const foreign = makeKey(key.kid)
const otherIssuer = await startIssuer(t)
const [otherKey = key] = otherIssuer.keys
const good = sign(access)
const pem = key.publicKey.export({ format: 'pem', type: 'spki' }).toString()
const publicJwk = foreign.publicKey.export({ format: 'jwk' })

const refused: Array<[string, string]> = [
  ['alg none without a signature', `${encode({ alg: 'none', kid: key.kid })}.${encode(access)}.`],
  ['alg none with a signature', `${encode({ alg: 'none', kid: key.kid })}.${encode(access)}.${good.split('.')[2]}`],
  ['alg None', `${encode({ alg: 'None', kid: key.kid })}.${encode(access)}.`],
  ['RS256 without a signature', `${encode({ alg: 'RS256', kid: key.kid })}.${encode(access)}.`],
  ['HS256 with the public key as the secret', signHmac(access, pem)],
  ['HS256 with the trimmed public key as the secret', signHmac(access, pem.trim())],
  ['RS512 in the header', sign(access, { alg: 'RS512' })],
  ['a foreign key with the right issuer', sign(access, {}, foreign)],
  ['a foreign key with its own, foreign issuer', sign({ ...access, iss: otherIssuer.url }, {}, otherKey)],
  ['the right key with a foreign issuer', sign({ ...access, iss: otherIssuer.url })],
  ['an issuer that only begins like ours', sign({ ...access, iss: `${issuer.url}.evil.example` })],
  ['an issuer with a slash at its end', sign({ ...access, iss: `${issuer.url}/` })],
  ['a list of issuers', sign({ ...access, iss: [issuer.url] })],
  ['no issuer', sign(without(access, 'iss'))],
  ['a jku header to a foreign key', sign(access, { jku: `${otherIssuer.url}/.well-known/jwks.json` }, foreign)],
  ['an x5u header', sign(access, { x5u: `${otherIssuer.url}/cert` }, foreign)],
  ['a jwk header with a foreign key', sign(access, { jwk: publicJwk }, foreign)],
  ['an unknown crit header', sign(access, { crit: ['exp'] })],
  ['no kid', sign(access, { kid: undefined })],
  ['a kid that is a number', sign(access, { kid: 1 })],
  ['a kid that is a list', sign(access, { kid: [key.kid] })],
  ['an unknown kid', sign(access, { kid: 'unknown' })],
  ['a kid that is a path', sign(access, { kid: '../../first' })],
  ['a kid from the prototype', sign(access, { kid: '__proto__' })],
  ['a very long kid', sign(access, { kid: 'x'.repeat(5_000) })],
  ['no exp', sign(without(access, 'exp'))],
  ['an exp that is a text', sign({ ...access, exp: String(seconds(600)) })],
  ['an exp that is null', sign({ ...access, exp: null })],
  ['an expired token', sign({ ...access, exp: seconds(-1) })],
  ['a token that is not valid yet', sign({ ...access, nbf: seconds(60) })],
  ['another client_id', sign({ ...access, client_id: 'another' })],
  ['no client_id', sign(without(access, 'client_id'))],
  ['an access token with the aud in place of the client_id', sign({ ...without(access, 'client_id'), aud: clientId })],
  ['another aud', sign({ ...id, aud: 'another' })],
  ['no aud', sign(without(id, 'aud'))],
  ['a list of auds', sign({ ...id, aud: [clientId] })],
  ['an id token with the client_id in place of the aud', sign({ ...without(id, 'aud'), client_id: clientId })],
  ['another token_use', sign({ ...access, token_use: 'refresh' })],
  ['no token_use', sign(without(access, 'token_use'))],
  ['no sub', sign(without(access, 'sub'))],
  ['an empty sub', sign({ ...access, sub: '' })],
  ['a sub that is a path', sign({ ...access, sub: '../other' })],
  ['a sub with a slash', sign({ ...access, sub: 'a/b' })],
  ['a sub that is a list', sign({ ...access, sub: ['user-1'] })],
  ['a sub of 129 characters', sign({ ...access, sub: 'x'.repeat(129) })],
  ['a payload that is a list', sign([access])],
  ['a payload that is no JSON', sign('hello')],
  ['a payload that was changed', `${good.split('.')[0]}.${encode({ ...access, sub: 'user-2' })}.${good.split('.')[2]}`],
  ['a truncated token', good.slice(0, -10)],
  ['two parts of three', good.split('.').slice(0, 2).join('.')],
  ['five parts', `${good}.x.y`],
  ['a token in quotes', `"${good}"`],
  ['padding in the signature', `${good}==`],
  ['no token after the scheme', ''],
  ['two tokens', `${good} ${good}`],
  ['two tokens with a comma', `${good}, Bearer ${good}`],
  ['a token of 17 KiB', sign({ ...access, padding: 'x'.repeat(13 * 1024) })],
  ['a token of 100 KiB', `${good}${'x'.repeat(100 * 1024)}`],
]

t.test('every other token gets 401 with a challenge', async t => {
  for (const [name, token] of refused) {
    const answer = await probe(`Bearer ${token}`)
    isProblem(t, answer, 401, 'invalid-token', name)
    t.match(answer.headers.get('www-authenticate'), /^Bearer error="invalid_token", error_description="[^"]+"$/, name)
  }
  t.equal(otherIssuer.asked, 0, 'the foreign issuer was never asked for a key')
})

t.test('no key is fetched for a token that is invalid anyway', async t => {
  const asked = issuer.asked
  for (const token of [
    sign({ ...access, iss: otherIssuer.url }, { kid: 'unknown-1' }),
    sign(access, { kid: 'unknown-2', alg: 'HS256' }),
    sign(access, { kid: 'x'.repeat(300) }),
  ]) {
    isProblem(t, await probe(`Bearer ${token}`), 401, 'invalid-token')
  }
  t.equal(issuer.asked, asked)
})

t.test('a request without a bearer token gets 401 with a plain challenge', async t => {
  for (const authorization of [undefined, 'Basic dTpw', good, 'Bearerx y']) {
    const answer = await probe(authorization)
    isProblem(t, answer, 401, 'missing-token', `${authorization}`.slice(0, 20))
    t.equal(answer.headers.get('www-authenticate'), 'Bearer')
  }
})

t.test('a cached token is rejected as soon as it expires', async t => {
  const token = sign({ ...access, exp: seconds(2) })
  t.equal((await probe(`Bearer ${token}`)).status, 404)
  await eventually(async () => (await probe(`Bearer ${token}`)).status !== 404)
  const answer = await probe(`Bearer ${token}`)
  isProblem(t, answer, 401, 'invalid-token')
  t.match(answer.body.detail, /expired/)
})

t.test('while the issuer hangs, known keys keep working and unknown keys get 503', async t => {
  issuer.mood = 'hanging'
  t.teardown(() => {
    issuer.mood = 'well'
  })
  t.equal((await probe(`Bearer ${sign({ ...access, jti: 'new' })}`)).status, 404)
  const answer = await probe(`Bearer ${sign(access, { kid: 'not-seen-yet' })}`)
  isProblem(t, answer, 503, 'keys-unavailable')
  t.match(answer.headers.get('retry-after'), /^\d+$/)
})

t.test('keys of the issuer may change without a restart', async t => {
  const next = makeKey('next')
  issuer.keys.push(next)
  t.equal((await probe(`Bearer ${sign(access, {}, next)}`)).status, 404)
  t.equal((await probe(`Bearer ${good}`)).status, 404)
})

t.test('tokens of Cognito are accepted before and after Cognito changes its key', async t => {
  const cognitoApi = await buildTestApi(t, aws)
  for (const round of ['before', 'after']) {
    const { idToken, accessToken } = await createTestUser(aws)
    for (const token of [idToken, accessToken]) {
      const answer = await ask(`${cognitoApi.url}/uploads/${uuidv7()}`, {
        headers: { authorization: `Bearer ${token}` },
      })
      t.equal(answer.status, 404, round)
    }
    aws.cognito.rotateKeys(aws.env.COGNITO_USER_POOL_ID ?? '')
  }
})
