import t from 'tap'
import { CLIENT, call, get, isError, POOL, signIn, start, verifyToken } from './cognito-client.ts'

t.test('creates, describes and lists pools and clients', async t => {
  const server = await start(t)
  const made = (await call(server, 'CreateUserPool', { PoolName: 'more users' })).body.UserPool
  t.match(made, {
    Name: 'more users',
    Id: /^us-east-1_[0-9a-z]{9}$/,
    Policies: { PasswordPolicy: { MinimumLength: 8 } },
  })
  t.strictSame((await call(server, 'DescribeUserPool', { UserPoolId: made.Id })).body.UserPool, made)

  const input = { UserPoolId: made.Id, ClientName: 'app', ExplicitAuthFlows: ['ALLOW_USER_PASSWORD_AUTH'] }
  const client = (await call(server, 'CreateUserPoolClient', input)).body.UserPoolClient
  const described = await call(server, 'DescribeUserPoolClient', { UserPoolId: made.Id, ClientId: client.ClientId })
  t.strictSame(described.body.UserPoolClient, client)
  t.strictSame((await call(server, 'ListUserPoolClients', { UserPoolId: made.Id })).body, {
    UserPoolClients: [{ ClientId: client.ClientId, ClientName: 'app', UserPoolId: made.Id }],
  })
  const jwks = await get(`${server.issuer(made.Id)}/.well-known/jwks.json`)
  t.equal(jwks.body.keys.length, 1, 'each pool has its own key')

  for (const id of [POOL, 'us-east-1_None']) {
    const reply = await call(server, 'DescribeUserPoolClient', { UserPoolId: id, ClientId: client.ClientId })
    isError(t, reply, 'ResourceNotFoundException')
  }
  isError(t, await call(server, 'DescribeUserPool', { UserPoolId: 'us-east-1_None' }), 'ResourceNotFoundException')
})

t.test('the pages of a list together hold every item', async t => {
  const server = await start(t)
  await Promise.all(['b', 'c', 'd'].map(PoolName => call(server, 'CreateUserPool', { PoolName })))
  const names: string[] = []
  let next: { NextToken?: string } = {}
  for (const size of [3, 1]) {
    const { body } = await call(server, 'ListUserPools', { MaxResults: 3, ...next })
    t.equal(body.UserPools.length, size)
    names.push(...body.UserPools.map(({ Name }) => String(Name)))
    next = { NextToken: body.NextToken }
  }
  t.equal(next.NextToken, undefined)
  t.strictSame(names.sort(), ['b', 'c', 'd', 'users'])
  isError(t, await call(server, 'ListUserPools', { MaxResults: 3, NextToken: 'x' }), 'InvalidParameterException')
  isError(t, await call(server, 'ListUserPools', { MaxResults: 61 }), 'InvalidParameterException', /maxResults/)
})

t.test('a pool keeps its own password policy, and a client its own token lifetimes', async t => {
  const now = Date.parse('2026-11-23T10:00:00Z')
  const server = await start(t, { now: () => now })
  const PasswordPolicy = { MinimumLength: 10, RequireUppercase: true, RequireNumbers: true, RequireSymbols: true }
  const pool = await call(server, 'CreateUserPool', { PoolName: 'strict', Policies: { PasswordPolicy } })
  const UserPoolId = pool.body.UserPool.Id
  const client = await call(server, 'CreateUserPoolClient', {
    UserPoolId,
    ClientName: 'app',
    ExplicitAuthFlows: ['ALLOW_USER_PASSWORD_AUTH'],
    AccessTokenValidity: 5,
    IdTokenValidity: 1,
    TokenValidityUnits: { AccessToken: 'minutes', IdToken: 'days' },
  })
  const { ClientId } = client.body.UserPoolClient
  const signUp = (Password: string) => call(server, 'SignUp', { ClientId, Username: 'ada', Password })
  for (const weak of ['Abcdef1!', 'abcdefghi1!', 'Abcdefghij!', 'Abcdefghi12'])
    isError(t, await signUp(weak), 'InvalidPasswordException')
  t.equal((await signUp('Abcdefgh1!')).status, 200)
  await call(server, 'AdminConfirmSignUp', { UserPoolId, Username: 'ada' })
  const { IdToken, AccessToken, ExpiresIn } = (await signIn(server, 'ada', 'Abcdefgh1!', ClientId)).body
    .AuthenticationResult
  const lifetime = async (token: string) => {
    const { claims } = await verifyToken(token, server.issuer(UserPoolId))
    return Number(claims.exp) - Number(claims.iat)
  }
  t.strictSame([ExpiresIn, await lifetime(AccessToken), await lifetime(IdToken)], [300, 300, 86_400])
})

t.test('rejects a setting that this server cannot apply', async t => {
  const server = await start(t)
  const pool = (more: object) => call(server, 'CreateUserPool', { PoolName: 'x', ...more })
  isError(t, await pool({ MfaConfiguration: 'ON' }), 'InvalidParameterException', /MfaConfiguration is not supported/)
  const client = (more: object) => call(server, 'CreateUserPoolClient', { UserPoolId: POOL, ClientName: 'x', ...more })
  isError(t, await client({ GenerateSecret: true }), 'InvalidParameterException', /generateSecret/)
  const minutes = { TokenValidityUnits: { AccessToken: 'minutes' } }
  isError(t, await client({ AccessTokenValidity: 4, ...minutes }), 'InvalidParameterException', /AccessTokenValidity/)
  isError(t, await client({ IdTokenValidity: 25 }), 'InvalidParameterException', /IdTokenValidity/)
  isError(t, await client({ RefreshTokenValidity: 3651 }), 'InvalidParameterException', /RefreshTokenValidity/)
})

t.test('a duplicate or invalid pool id prevents the start', async t => {
  const pool = (id: string, client = CLIENT) => ({ id, name: 'users', clients: [{ id: client, name: 'app' }] })
  const wrong = [
    { pools: [pool('no underscore')] },
    { pools: [pool('a_b'), pool('a_b', 'other')] },
    { pools: [pool('a_b'), pool('a_c')] },
    { pools: [pool('a_b', 'no-dash')] },
    { issuerOrigin: 'http://cognito:4300/' },
    { issuerOrigin: 'cognito' },
  ]
  for (const settings of wrong) await t.rejects(start(t, settings), { code: 'HEADGATE_COGNITO_SETTINGS' })
})
