import t from 'tap'
import { FakeClock } from '../support/fake-clock.ts'
import {
  addUser,
  CLIENT,
  call,
  isError,
  OTHER_CLIENT,
  PASSWORD,
  POOL,
  signIn,
  start,
  verifyToken,
} from './cognito-client.ts'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

t.test("a sign-in returns an id token and an access token with Cognito's claims", async t => {
  const now = Date.parse('2026-11-23T10:00:00.700Z')
  const server = await start(t, { now: () => now })
  const sub = await addUser(t, server)
  const { status, headers, body } = await signIn(server)
  t.equal(status, 200)
  t.equal(headers.get('content-type'), 'application/x-amz-json-1.1')
  const result = body.AuthenticationResult
  t.match(result, { ExpiresIn: 3600, TokenType: 'Bearer' })
  t.equal(result.RefreshToken.split('.').length, 1, 'the refresh token says nothing')

  const issuer = `${server.url}/${POOL}`
  const id = await verifyToken(result.IdToken, issuer)
  const access = await verifyToken(result.AccessToken, issuer)
  const iat = Math.floor(now / 1000)
  t.match(id.header, { alg: 'RS256', kid: /^.{43}$/ })
  t.strictSame(Object.keys(access.claims).sort(), [
    ...['auth_time', 'client_id', 'event_id', 'exp', 'iat', 'iss', 'jti', 'origin_jti', 'scope', 'sub'],
    ...['token_use', 'username'],
  ])
  const shared = { sub, iss: issuer, auth_time: iat, iat, exp: iat + 3600, jti: UUID, origin_jti: UUID, event_id: UUID }
  t.match(access.claims, {
    ...shared,
    token_use: 'access',
    client_id: CLIENT,
    username: 'ada',
    scope: 'aws.cognito.signin.user.admin',
  })
  t.match(id.claims, {
    ...shared,
    token_use: 'id',
    aud: CLIENT,
    'cognito:username': 'ada',
    email: 'ada@example.com',
    email_verified: true,
  })
  t.equal(id.claims.origin_jti, access.claims.origin_jti)
  t.not(id.claims.jti, access.claims.jti)
  t.match(sub, UUID)
})

t.test('a wrong password and an unknown user get the same response', async t => {
  const server = await start(t)
  await addUser(t, server)
  isError(t, await signIn(server, 'ada', 'wrong'), 'NotAuthorizedException', 'Incorrect username or password.')
  isError(t, await signIn(server, 'nobody'), 'NotAuthorizedException', 'Incorrect username or password.')
  isError(t, await signIn(server, '__proto__'), 'NotAuthorizedException', 'Incorrect username or password.')
  isError(t, await signIn(server, 'Ada'), 'NotAuthorizedException', 'Incorrect username or password.')
})

t.test('a client that does not hide unknown users gets UserNotFoundException', async t => {
  const server = await start(t)
  const ExplicitAuthFlows = ['ALLOW_USER_PASSWORD_AUTH']
  const input = { UserPoolId: POOL, ClientName: 'legacy', ExplicitAuthFlows }
  const { body } = await call(server, 'CreateUserPoolClient', input)
  const reply = await signIn(server, 'nobody', PASSWORD, body.UserPoolClient.ClientId)
  isError(t, reply, 'UserNotFoundException', 'User does not exist.')
})

t.test('a sign-in without a required parameter names the parameter', async t => {
  const server = await start(t)
  const auth = (input: object) => call(server, 'InitiateAuth', input)
  const flow = { ClientId: CLIENT, AuthFlow: 'USER_PASSWORD_AUTH' }
  isError(t, await auth(flow), 'InvalidParameterException', /USERNAME/)
  isError(t, await auth({ ...flow, AuthParameters: { USERNAME: 'ada' } }), 'InvalidParameterException', /PASSWORD/)
  isError(t, await auth({ ClientId: CLIENT, AuthFlow: 'REFRESH_TOKEN_AUTH' }), 'InvalidParameterException', /REFRESH/)
  const srp = { ClientId: CLIENT, AuthFlow: 'USER_SRP_AUTH', AuthParameters: { USERNAME: 'ada' } }
  isError(t, await auth(srp), 'InvalidParameterException', /SRP_A/)
  isError(t, await auth({ ClientId: CLIENT, AuthFlow: 'CUSTOM_AUTH' }), 'InvalidParameterException', /CUSTOM_AUTH/)
  isError(t, await auth({ ClientId: CLIENT }), 'InvalidParameterException', /authFlow/)
  isError(t, await auth({ ...flow, ClientId: 'nobodys' }), 'ResourceNotFoundException', /nobodys/)
})

t.test('a client cannot use an authentication flow that it does not allow', async t => {
  const server = await start(t)
  await addUser(t, server)
  const { body } = await call(server, 'CreateUserPoolClient', { UserPoolId: POOL, ClientName: 'srp only' })
  const reply = await signIn(server, 'ada', PASSWORD, body.UserPoolClient.ClientId)
  isError(t, reply, 'InvalidParameterException', 'USER_PASSWORD_AUTH flow not enabled for this client')
})

t.test('a user with a temporary password must choose a new password', async t => {
  const server = await start(t)
  const user = { UserPoolId: POOL, Username: 'ada' }
  const TemporaryPassword = 'temporary'
  const UserAttributes = [
    { Name: 'email', Value: 'ada@example.com' },
    { Name: 'email_verified', Value: 'true' },
  ]
  const made = await call(server, 'AdminCreateUser', { ...user, TemporaryPassword, UserAttributes })
  t.equal(made.body.User.UserStatus, 'FORCE_CHANGE_PASSWORD')
  isError(t, await signIn(server, 'ada', 'not it'), 'NotAuthorizedException')

  const challenge = await signIn(server, 'ada', TemporaryPassword)
  t.match(challenge.body, {
    ChallengeName: 'NEW_PASSWORD_REQUIRED',
    Session: /^.{20,}$/,
    ChallengeParameters: { USER_ID_FOR_SRP: 'ada', requiredAttributes: '[]' },
  })
  t.notOk('AuthenticationResult' in challenge.body)

  const respond = (responses: object, more: object = {}) =>
    call(server, 'RespondToAuthChallenge', {
      ClientId: CLIENT,
      ChallengeName: 'NEW_PASSWORD_REQUIRED',
      Session: challenge.body.Session,
      ChallengeResponses: { USERNAME: 'ada', NEW_PASSWORD: PASSWORD, ...responses },
      ...more,
    })
  await addUser(t, server, 'eve')
  isError(t, await respond({ NEW_PASSWORD: 'short' }), 'InvalidPasswordException')
  isError(t, await respond({ USERNAME: 'eve' }), 'NotAuthorizedException', 'Invalid session for the user.')
  isError(t, await respond({}, { ClientId: OTHER_CLIENT }), 'NotAuthorizedException', 'Invalid session for the user.')
  isError(t, await respond({}, { Session: 'x'.repeat(64) }), 'NotAuthorizedException', 'Invalid session for the user.')
  isError(t, await respond({ 'userAttributes.email_verified': 'true' }), 'NotAuthorizedException')
  isError(t, await respond({}, { ChallengeName: 'SMS_MFA' }), 'InvalidParameterException', /challengeName/)

  const answers = await Promise.all([1, 2].map(() => respond({ 'userAttributes.email': 'new@example.com' })))
  t.strictSame(answers.map(({ status }) => status).sort(), [200, 400], 'a challenge is answered once')
  const done = answers.find(({ status }) => status === 200)
  const { claims } = await verifyToken(done?.body.AuthenticationResult.IdToken ?? '', server.issuer(POOL))
  t.match(claims, { email: 'new@example.com', email_verified: false }, 'a new address is not verified by the old')
  isError(t, await signIn(server, 'ada', TemporaryPassword), 'NotAuthorizedException')
  t.equal((await signIn(server, 'ada', PASSWORD)).status, 200)
})

t.test('a challenge expires after three minutes', async t => {
  const clock = new FakeClock({ startMs: Date.parse('2026-11-23T10:00:00Z') })
  const server = await start(t, { now: clock.now })
  await call(server, 'AdminCreateUser', { UserPoolId: POOL, Username: 'ada', TemporaryPassword: 'temporary' })
  const respond = ({ body }: { body: { Session: string } }) =>
    call(server, 'RespondToAuthChallenge', {
      ClientId: CLIENT,
      ChallengeName: 'NEW_PASSWORD_REQUIRED',
      Session: body.Session,
      ChallengeResponses: { USERNAME: 'ada', NEW_PASSWORD: PASSWORD },
    })
  const [first, second] = [await signIn(server, 'ada', 'temporary'), await signIn(server, 'ada', 'temporary')]
  clock.advance(180_000)
  isError(t, await respond(first), 'NotAuthorizedException', 'Invalid session for the user.')
  clock.advance(-1)
  t.equal((await respond(second)).status, 200)
})
