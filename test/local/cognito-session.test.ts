import t from 'tap'
import { FakeClock } from '../support/fake-clock.ts'
import {
  addUser,
  CLIENT,
  call,
  get,
  isError,
  OTHER_CLIENT,
  POOL,
  refresh,
  signIn,
  start,
  verifyToken,
} from './cognito-client.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

t.test('a refresh returns new tokens of the same sign-in, and no new refresh token', async t => {
  const clock = new FakeClock({ startMs: Date.parse('2026-11-23T10:00:00Z') })
  const server = await start(t, { now: clock.now })
  await addUser(t, server)
  const first = (await signIn(server)).body.AuthenticationResult
  clock.advance(HOUR)
  const { body } = await refresh(server, first.RefreshToken)
  const second = body.AuthenticationResult
  t.strictSame(Object.keys(second).sort(), ['AccessToken', 'ExpiresIn', 'IdToken', 'TokenType'])
  const before = (await verifyToken(first.AccessToken, server.issuer(POOL))).claims
  const after = (await verifyToken(second.AccessToken, server.issuer(POOL))).claims
  t.match(after, { sub: before.sub, origin_jti: before.origin_jti, auth_time: before.auth_time })
  t.not(after.jti, before.jti)
  t.equal(after.iat, Number(before.iat) + 3600)
})

t.test('a refresh token is valid for thirty days, and only for its own client', async t => {
  const clock = new FakeClock({ startMs: Date.parse('2026-11-23T10:00:00Z') })
  const server = await start(t, { now: clock.now })
  await addUser(t, server)
  const { RefreshToken } = (await signIn(server)).body.AuthenticationResult
  isError(t, await refresh(server, RefreshToken, OTHER_CLIENT), 'NotAuthorizedException', 'Invalid Refresh Token')
  isError(t, await refresh(server, 'made up'), 'NotAuthorizedException', 'Invalid Refresh Token')
  clock.advance(30 * DAY - 1)
  t.equal((await refresh(server, RefreshToken)).status, 200)
  clock.advance(1)
  isError(t, await refresh(server, RefreshToken), 'NotAuthorizedException', 'Refresh Token has expired')
})

t.test('a user can read their own attributes with an access token until it expires', async t => {
  const clock = new FakeClock({ startMs: Date.parse('2026-11-23T10:00:00Z') })
  const server = await start(t, { now: clock.now })
  const sub = await addUser(t, server)
  const { AccessToken, IdToken } = (await signIn(server)).body.AuthenticationResult
  const { body } = await call(server, 'GetUser', { AccessToken })
  t.strictSame(body, {
    Username: 'ada',
    UserAttributes: [
      { Name: 'email', Value: 'ada@example.com' },
      { Name: 'email_verified', Value: 'true' },
      { Name: 'sub', Value: sub },
    ],
  })
  isError(t, await call(server, 'GetUser', { AccessToken: IdToken }), 'NotAuthorizedException', 'Invalid Access Token')
  clock.advance(HOUR)
  isError(t, await call(server, 'GetUser', { AccessToken }), 'NotAuthorizedException', 'Access Token has expired')
})

t.test('rejects a token that this server did not sign', async t => {
  const server = await start(t)
  const other = await start(t)
  await addUser(t, server)
  await addUser(t, other)
  const foreign = (await signIn(other)).body.AuthenticationResult.AccessToken
  const ours = (await signIn(server)).body.AuthenticationResult.AccessToken
  const [header = '', payload = '', signature = ''] = ours.split('.')
  const none = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url')
  const kid = JSON.parse(Buffer.from(header, 'base64url').toString()).kid
  const unsigned = Buffer.from(JSON.stringify({ alg: 'none', kid })).toString('base64url')
  const changed = Buffer.from(
    JSON.stringify({ ...JSON.parse(Buffer.from(payload, 'base64url').toString()), username: 'eve' }),
  ).toString('base64url')
  const forged = [
    foreign,
    `${none}.${payload}.`,
    `${unsigned}.${payload}.`,
    `${header}.${changed}.${signature}`,
    `${header}.${payload}.`,
    'a.b.c',
    'nonsense',
  ]
  for (const AccessToken of forged)
    isError(t, await call(server, 'GetUser', { AccessToken }), 'NotAuthorizedException', 'Invalid Access Token')
  t.equal((await call(server, 'GetUser', { AccessToken: ours })).status, 200)
})

t.test('a global sign-out ends all sessions of the user and no session of others', async t => {
  const server = await start(t)
  await addUser(t, server)
  await addUser(t, server, 'eve')
  const [here, there, eves] = await Promise.all([signIn(server), signIn(server), signIn(server, 'eve')])
  const { AccessToken } = here.body.AuthenticationResult
  t.strictSame((await call(server, 'GlobalSignOut', { AccessToken })).body, {})
  isError(t, await call(server, 'GetUser', { AccessToken }), 'NotAuthorizedException', 'Access Token has been revoked')
  for (const { body } of [here, there])
    isError(t, await refresh(server, body.AuthenticationResult.RefreshToken), 'NotAuthorizedException')
  t.equal((await refresh(server, eves.body.AuthenticationResult.RefreshToken)).status, 200)
})

t.test('revoking a refresh token also revokes its access tokens', async t => {
  const server = await start(t)
  await addUser(t, server)
  const { RefreshToken, AccessToken } = (await signIn(server)).body.AuthenticationResult
  const kept = (await signIn(server)).body.AuthenticationResult
  const revoke = (input: object) => call(server, 'RevokeToken', { ClientId: CLIENT, Token: RefreshToken, ...input })
  isError(t, await revoke({ Token: AccessToken }), 'UnsupportedTokenTypeException')
  isError(t, await revoke({ ClientId: OTHER_CLIENT }), 'UnauthorizedException')
  t.equal((await refresh(server, RefreshToken)).status, 200)
  t.equal((await revoke({})).status, 200)
  t.equal((await revoke({})).status, 200, 'a second time changes nothing')
  isError(t, await refresh(server, RefreshToken), 'NotAuthorizedException')
  isError(t, await call(server, 'GetUser', { AccessToken }), 'NotAuthorizedException', 'Access Token has been revoked')
  t.equal((await refresh(server, kept.RefreshToken)).status, 200)
})

t.test('tokens of a deleted user are invalid for a later user with the same name', async t => {
  const server = await start(t)
  const first = await addUser(t, server)
  const { RefreshToken, AccessToken } = (await signIn(server)).body.AuthenticationResult
  t.equal((await call(server, 'AdminDeleteUser', { UserPoolId: POOL, Username: 'ada' })).status, 200)
  isError(t, await signIn(server), 'NotAuthorizedException')
  isError(t, await call(server, 'GetUser', { AccessToken }), 'UserNotFoundException')
  const second = await addUser(t, server)
  t.not(second, first)
  isError(t, await refresh(server, RefreshToken), 'NotAuthorizedException', 'Invalid Refresh Token')
  isError(t, await call(server, 'GetUser', { AccessToken }), 'UserNotFoundException')
})

t.test('after a rotation, the new key signs and tokens of the old key still verify', async t => {
  const server = await start(t)
  await addUser(t, server)
  const token = async () => (await signIn(server)).body.AuthenticationResult.AccessToken
  const kidOf = async (accessToken: string) => (await verifyToken(accessToken, server.issuer(POOL))).header.kid
  const first = await token()
  server.rotateKeys(POOL)
  const second = await token()
  const rotated = await fetch(`${server.issuer(POOL)}/rotate-keys`, { method: 'POST' })
  const third = await token()
  const kids = await Promise.all([first, second, third].map(kidOf))
  t.equal(new Set(kids).size, 3)
  t.strictSame(await rotated.json(), { kid: kids[2] })
  const { body } = await get(`${server.issuer(POOL)}/.well-known/jwks.json`)
  t.strictSame(
    body.keys.map(({ kid }) => kid),
    kids.toReversed(),
  )
  t.equal((await call(server, 'GetUser', { AccessToken: first })).status, 200)
  t.throws(() => server.rotateKeys('us-east-1_None'), { code: 'ResourceNotFoundException' })
})
