import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { CLIENT, PASSWORD, POOL, start, verifyToken } from './cognito-client.ts'

const hasCli = spawnSync('aws', ['--version']).status === 0
const skip = hasCli ? false : 'the AWS CLI is not installed'
const env = { ...process.env, AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'x', AWS_REGION: 'us-east-1' }

t.test('the AWS CLI creates a user, signs in and refreshes the tokens', { skip, timeout: 60_000 }, async t => {
  const server = await start(t)
  const aws = async (...args: string[]) => {
    const all = ['cognito-idp', '--endpoint-url', server.url, '--region', 'us-east-1', '--output', 'json', ...args]
    const { stdout } = await promisify(execFile)('aws', all, { env })
    return stdout === '' ? {} : JSON.parse(stdout)
  }
  const initiateAuth = (flow: string, parameters: object) => {
    const auth = ['--client-id', CLIENT, '--auth-flow', flow, '--auth-parameters', JSON.stringify(parameters)]
    return aws('initiate-auth', ...auth)
  }
  const user = ['--user-pool-id', POOL, '--username', 'ada']
  await aws('admin-create-user', ...user, '--user-attributes', 'Name=email,Value=ada@example.com')
  await aws('admin-set-user-password', ...user, '--password', PASSWORD, '--permanent')

  const signedIn = await initiateAuth('USER_PASSWORD_AUTH', { USERNAME: 'ada', PASSWORD })
  const { IdToken, AccessToken, RefreshToken } = signedIn.AuthenticationResult
  const { claims } = await verifyToken(IdToken, server.issuer(POOL))
  t.match(claims, { 'cognito:username': 'ada', aud: CLIENT, email: 'ada@example.com' })
  t.equal((await aws('get-user', '--access-token', AccessToken)).Username, 'ada')
  const refreshed = await initiateAuth('REFRESH_TOKEN_AUTH', { REFRESH_TOKEN: RefreshToken })
  t.equal((await verifyToken(refreshed.AuthenticationResult.AccessToken, server.issuer(POOL))).claims.sub, claims.sub)

  const refusal = await initiateAuth('USER_PASSWORD_AUTH', { USERNAME: 'ada', PASSWORD: 'wrong' }).then(
    () => t.fail('it signed in'),
    (error: unknown) => error,
  )
  t.match(refusal, { stderr: /\(NotAuthorizedException\).*Incorrect username or password\./ })
})
