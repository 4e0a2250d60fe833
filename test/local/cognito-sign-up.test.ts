import t from 'tap'
import { FakeClock } from '../support/fake-clock.ts'
import { addUser, CLIENT, call, get, isError, PASSWORD, POOL, signIn, start, verifyToken } from './cognito-client.ts'

const ada = { ClientId: CLIENT, Username: 'ada' }
const email = [{ Name: 'email', Value: 'ada@example.com' }]

t.test('a new user can sign in only after confirming the code that was sent', async t => {
  const server = await start(t)
  const made = await call(server, 'SignUp', { ...ada, Password: PASSWORD, UserAttributes: email })
  t.match(made.body, {
    UserConfirmed: false,
    UserSub: /^[0-9a-f-]{36}$/,
    CodeDeliveryDetails: { AttributeName: 'email', DeliveryMedium: 'EMAIL', Destination: 'a***@e***' },
  })
  isError(t, await signIn(server), 'UserNotConfirmedException', 'User is not confirmed.')
  isError(t, await signIn(server, 'ada', 'wrong'), 'NotAuthorizedException')

  const message = (await get(`${server.issuer(POOL)}/messages/ada`)).body
  t.match(message, { kind: 'confirmation-code', secret: /^[0-9]{6}$/ })
  const confirm = (ConfirmationCode: string) => call(server, 'ConfirmSignUp', { ...ada, ConfirmationCode })
  const wrong = message.secret === '123456' ? '654321' : '123456'
  isError(t, await confirm(wrong), 'CodeMismatchException')
  t.strictSame((await confirm(message.secret)).body, {})
  isError(t, await confirm(message.secret), 'NotAuthorizedException', /Current status is CONFIRMED/)
  t.equal((await get(`${server.issuer(POOL)}/messages/ada`)).status, 404, 'a used code is gone')

  const { IdToken } = (await signIn(server)).body.AuthenticationResult
  const { claims } = await verifyToken(IdToken, server.issuer(POOL))
  t.match(claims, { sub: made.body.UserSub, email: 'ada@example.com', email_verified: true })
})

t.test('an administrator can confirm a user without a code, which does not verify the email address', async t => {
  const server = await start(t)
  await call(server, 'SignUp', { ...ada, Password: PASSWORD, UserAttributes: email })
  const confirm = () => call(server, 'AdminConfirmSignUp', { UserPoolId: POOL, Username: 'ada' })
  t.equal((await confirm()).status, 200)
  isError(t, await confirm(), 'NotAuthorizedException')
  const { IdToken } = (await signIn(server)).body.AuthenticationResult
  t.match((await verifyToken(IdToken, server.issuer(POOL))).claims, { email_verified: false })
})

t.test('a code is valid for a day, and can be sent again', async t => {
  const clock = new FakeClock({ startMs: Date.parse('2026-11-23T10:00:00Z') })
  const server = await start(t, { now: clock.now })
  await call(server, 'SignUp', { ...ada, Password: PASSWORD })
  const code = async () => (await get(`${server.issuer(POOL)}/messages/ada`)).body.secret
  const confirm = (ConfirmationCode: string) => call(server, 'ConfirmSignUp', { ...ada, ConfirmationCode })
  const first = await code()
  clock.advance(24 * 3_600_000)
  isError(t, await confirm(first), 'ExpiredCodeException')
  t.equal((await call(server, 'ResendConfirmationCode', ada)).status, 200)
  t.equal((await confirm(await code())).status, 200)
  isError(t, await call(server, 'ResendConfirmationCode', ada), 'InvalidParameterException')
})

t.test('two concurrent sign-ups cannot get the same user name', async t => {
  const server = await start(t)
  const signUp = () => call(server, 'SignUp', { ...ada, Password: PASSWORD })
  const replies = await Promise.all([signUp(), signUp(), signUp()])
  t.strictSame(replies.map(({ status }) => status).sort(), [200, 400, 400])
  isError(t, await signUp(), 'UsernameExistsException')
  const admin = { UserPoolId: POOL, Username: 'ada' }
  isError(t, await call(server, 'AdminCreateUser', admin), 'UsernameExistsException')
})

t.test('every operation that sets a password rejects one that breaks the policy', async t => {
  const server = await start(t)
  await addUser(t, server)
  const admin = { UserPoolId: POOL, Username: 'ada' }
  const short = '1234567'
  const refused = [
    call(server, 'SignUp', { ...ada, Username: 'eve', Password: short }),
    call(server, 'AdminCreateUser', { ...admin, Username: 'eve', TemporaryPassword: short }),
    call(server, 'AdminSetUserPassword', { ...admin, Password: short, Permanent: true }),
    call(server, 'SignUp', { ...ada, Username: 'eve', Password: ' 12345678' }),
    call(server, 'SignUp', { ...ada, Username: 'eve', Password: '😀😀😀😀' }),
  ]
  for (const reply of await Promise.all(refused)) isError(t, reply, 'InvalidPasswordException', /^Password did not/)
  isError(t, await call(server, 'AdminGetUser', { ...admin, Username: 'eve' }), 'UserNotFoundException')
  t.equal((await signIn(server)).status, 200, 'the old password stays')
  t.equal((await call(server, 'SignUp', { ...ada, Username: 'eve', Password: '12345678' })).status, 200)
})

t.test('rejects attributes that could be mistaken for claims or that users may not set', async t => {
  const server = await start(t)
  const signUp = (Name: string, Value: string) =>
    call(server, 'SignUp', { ...ada, Password: PASSWORD, UserAttributes: [{ Name, Value }] })
  for (const name of ['iss', 'sub', 'exp', 'token_use', '__proto__', 'custom:role', 'cognito:groups'])
    isError(t, await signUp(name, 'x'), 'InvalidParameterException', /did not conform to the schema/)
  isError(t, await signUp('email_verified', 'true'), 'NotAuthorizedException')
  isError(t, await signUp('email', 'no address'), 'InvalidParameterException')
  isError(t, await signUp('phone_number', '0123'), 'InvalidParameterException')
  t.equal((await signUp('phone_number', '+49123')).status, 200)
})

t.test('an administrator creates, reads and deletes users', async t => {
  const server = await start(t)
  const user = { UserPoolId: POOL, Username: 'grace/hopper' }
  const made = await call(server, 'AdminCreateUser', { ...user, UserAttributes: email })
  t.match(made.body.User, { Username: 'grace/hopper', UserStatus: 'FORCE_CHANGE_PASSWORD', Enabled: true })
  const message = await get(`${server.issuer(POOL)}/messages/${encodeURIComponent('grace/hopper')}`)
  t.equal(message.body.kind, 'temporary-password')
  t.equal((await signIn(server, 'grace/hopper', message.body.secret)).body.ChallengeName, 'NEW_PASSWORD_REQUIRED')

  await call(server, 'AdminSetUserPassword', { ...user, Password: PASSWORD })
  t.equal((await call(server, 'AdminGetUser', user)).body.UserStatus, 'FORCE_CHANGE_PASSWORD')
  await call(server, 'AdminSetUserPassword', { ...user, Password: PASSWORD, Permanent: true })
  t.match((await call(server, 'AdminGetUser', user)).body, { UserStatus: 'CONFIRMED', Username: 'grace/hopper' })
  t.equal((await call(server, 'AdminDeleteUser', user)).status, 200)
  for (const operation of ['AdminGetUser', 'AdminDeleteUser', 'AdminConfirmSignUp'])
    isError(t, await call(server, operation, user), 'UserNotFoundException', 'User does not exist.')
})
