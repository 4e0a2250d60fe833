import { createPublicKey, type JsonWebKey, verify } from 'node:crypto'
import type { Test } from 'tap'
import { type CognitoServer, type CognitoSettings, startCognito } from '../../services/local/cognito/index.ts'

export const POOL = 'us-east-1_Test1'
export const CLIENT = 'testclient'
export const OTHER_CLIENT = 'otherclient'
export const PASSWORD = 'correct horse'

const pools = [
  {
    id: POOL,
    name: 'users',
    clients: [
      { id: CLIENT, name: 'app' },
      { id: OTHER_CLIENT, name: 'another app' },
    ],
  },
]

/** The members of responses that the tests read. Each response has some of them. */
export interface Body {
  __type: string
  message: string
  AuthenticationResult: {
    AccessToken: string
    IdToken: string
    RefreshToken: string
    ExpiresIn: number
  }
  ChallengeName: string
  Session: string
  User: { UserStatus: string; Attributes: Array<{ Name: string; Value: string }> }
  UserStatus: string
  UserSub: string
  UserPool: { Id: string }
  UserPools: Array<{ Name: string }>
  UserPoolClient: { ClientId: string }
  NextToken: string
  jwks_uri: string
  keys: Array<{ kid: string; n: string }>
  kind: string
  secret: string
}

export interface Reply {
  status: number
  headers: Headers
  body: Body
}

/** Starts a server with one pool of two clients. The server stops with the test. */
export async function start(t: Test, settings: CognitoSettings = {}): Promise<CognitoServer> {
  const server = await startCognito({ pools, ...settings })
  t.teardown(() => server.stop())
  return server
}

export function call({ url }: { url: string }, operation: string, input: unknown): Promise<Reply> {
  return post(url, JSON.stringify(input), { 'x-amz-target': `AWSCognitoIdentityProviderService.${operation}` })
}

export async function post(url: string, body: string | Uint8Array, headers: Record<string, string>): Promise<Reply> {
  const response = await fetch(url, {
    method: 'POST',
    body: typeof body === 'string' ? body : Buffer.from(body),
    headers: { 'content-type': 'application/x-amz-json-1.1', ...headers },
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Body }
}

export async function get(url: string): Promise<Reply> {
  const response = await fetch(url)
  return { status: response.status, headers: response.headers, body: (await response.json()) as Body }
}

/** Adds a confirmed user with a permanent password. */
export async function addUser(
  t: Test,
  server: CognitoServer,
  username = 'ada',
  attributes: Record<string, string> = { email: 'ada@example.com', email_verified: 'true' },
): Promise<string> {
  const UserAttributes = Object.entries(attributes).map(([Name, Value]) => ({ Name, Value }))
  const user = { UserPoolId: POOL, Username: username }
  const made = await call(server, 'AdminCreateUser', { ...user, UserAttributes, MessageAction: 'SUPPRESS' })
  t.equal(made.status, 200)
  const set = await call(server, 'AdminSetUserPassword', { ...user, Password: PASSWORD, Permanent: true })
  t.equal(set.status, 200)
  return made.body.User.Attributes.find(({ Name }) => Name === 'sub')?.Value ?? ''
}

export function signIn(
  server: { url: string },
  username = 'ada',
  password = PASSWORD,
  client = CLIENT,
): Promise<Reply> {
  const AuthParameters = { USERNAME: username, PASSWORD: password }
  return call(server, 'InitiateAuth', { ClientId: client, AuthFlow: 'USER_PASSWORD_AUTH', AuthParameters })
}

export function refresh(server: { url: string }, token: string, client = CLIENT): Promise<Reply> {
  const AuthParameters = { REFRESH_TOKEN: token }
  return call(server, 'InitiateAuth', { ClientId: client, AuthFlow: 'REFRESH_TOKEN_AUTH', AuthParameters })
}

/** Asserts that a response is this error, in the form that the SDKs read. */
export function isError(t: Test, { status, headers, body }: Reply, name: string, message?: string | RegExp): void {
  t.match(
    { status, type: body.__type, header: headers.get('x-amzn-errortype'), message: body.message },
    { status: 400, type: name, header: name, message: message ?? String },
  )
}

export interface VerifiedToken {
  header: { alg: string; kid: string }
  claims: Record<string, string | number | boolean>
}

/** Verifies a token with Node's crypto and the JWKS of its issuer, without any code of the server. */
export async function verifyToken(token: string, issuer: string): Promise<VerifiedToken> {
  const [header = '', payload = '', signature = ''] = token.split('.')
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
  const { body } = await get(`${issuer}/.well-known/jwks.json`)
  const jwk = body.keys.find(({ kid }) => kid === read(header).kid)
  if (!jwk) throw new Error(`The JWKS has no key ${read(header).kid}.`)
  const key = createPublicKey({ key: jwk as unknown as JsonWebKey, format: 'jwk' })
  const isGood = verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'))
  if (!isGood) throw new Error('The signature is wrong.')
  return { header: read(header), claims: read(payload) }
}
