import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { CognitoServer, CognitoSettings } from '../../services/local/cognito/index.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { addUser, CLIENT, call, get, OTHER_CLIENT, PASSWORD, POOL, start, verifyToken } from './cognito-client.ts'

const CALLBACK = 'https://app.example/callback'
const oauth = { scopes: ['openid', 'email'], callbackUrls: [CALLBACK], logoutUrls: ['https://app.example/bye'] }
const pools = [
  {
    id: POOL,
    name: 'users',
    clients: [
      { id: CLIENT, name: 'app', oauth },
      { id: OTHER_CLIENT, name: 'without pages' },
    ],
  },
]

const startPages = (t: Test, settings: CognitoSettings = {}) => start(t, { pools, ...settings })

const VERIFIER = randomBytes(32).toString('base64url')
const REQUEST = {
  client_id: CLIENT,
  redirect_uri: CALLBACK,
  response_type: 'code',
  scope: 'openid email',
  state: 'a state & more',
  nonce: 'a nonce',
  code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
  code_challenge_method: 'S256',
}

type Changes = Record<string, string | undefined>

const without = (parameters: Changes) =>
  new URLSearchParams(
    Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined),
  ).toString()

/** A browser without scripts: it keeps cookies, and follows no redirect. */
class Browser {
  readonly #cookies = new Map<string, string>()
  readonly #server: CognitoServer

  constructor(server: CognitoServer) {
    this.#server = server
  }

  async open(path: string, form?: Changes) {
    const response = await fetch(this.#server.url + path, {
      redirect: 'manual',
      headers: { cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form && { method: 'POST', body: new URLSearchParams(without(form)) }),
    })
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      this.#cookies.set(name, value)
    }
    const html = await response.text()
    const location = response.headers.get('location')
    return {
      status: response.status,
      headers: response.headers,
      html,
      location,
      at: new URL(location ?? 'none:', this.#server.url),
    }
  }

  authorize(changes: Changes = {}) {
    return this.open(`/oauth2/authorize?${without({ ...REQUEST, ...changes })}`)
  }

  /** Opens the sign-in page and sends its form. */
  async signIn(username: string, password: string, changes: Changes = {}) {
    const { location } = await this.authorize({ prompt: 'login', ...changes })
    const { html } = await this.open(location ?? '')
    return this.open(actionOf(html), { ...hiddenOf(html), username, password })
  }
}

const unescaped = (text: string) => text.replaceAll('&amp;', '&').replaceAll('&#39;', "'").replaceAll('&quot;', '"')
const actionOf = (html: string) => unescaped(/action="([^"]+)"/.exec(html)?.[1] ?? '')
const hiddenOf = (html: string) =>
  Object.fromEntries(
    [...html.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(([, name = '', value = '']) => [
      name,
      unescaped(value),
    ]),
  )
const alertOf = (html: string) => /<p role="alert">([^<]*)</.exec(html)?.[1]

async function postForm(server: CognitoServer, path: string, form: Changes) {
  const response = await fetch(server.url + path, { method: 'POST', body: new URLSearchParams(without(form)) })
  const text = await response.text()
  return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as Record<string, string> }
}

const exchange = (server: CognitoServer, code: string | null, changes: Changes = {}) =>
  postForm(server, '/oauth2/token', {
    grant_type: 'authorization_code',
    client_id: CLIENT,
    redirect_uri: CALLBACK,
    code_verifier: VERIFIER,
    code: code ?? '',
    ...changes,
  })

t.test('a user signs in on the page, and the client exchanges the code for tokens', async t => {
  const now = Date.parse('2026-11-30T10:00:00Z')
  const server = await startPages(t, { now: () => now })
  const sub = await addUser(t, server)
  const browser = new Browser(server)
  const asked = await browser.authorize()
  t.equal(asked.status, 303)
  t.match(asked.location, /^\/login\?client_id=/)
  const page = await browser.open(asked.location ?? '')
  t.equal(page.status, 200)
  t.match(page.headers.get('content-security-policy'), /default-src 'none'.*frame-ancestors 'none'/)
  t.match(page.html, /<label>User name <input name="username"[^>]*autocomplete="username"/)

  const back = await browser.open(actionOf(page.html), { ...hiddenOf(page.html), username: 'ada', password: PASSWORD })
  t.equal(back.status, 303)
  t.equal(back.at.origin + back.at.pathname, CALLBACK)
  t.equal(back.at.searchParams.get('state'), REQUEST.state)
  const { status, body } = await exchange(server, back.at.searchParams.get('code'))
  t.equal(status, 200)
  t.match(body, { expires_in: 3600, token_type: 'Bearer' })
  const id = await verifyToken(body.id_token ?? '', server.issuer(POOL))
  const access = await verifyToken(body.access_token ?? '', server.issuer(POOL))
  t.match(id.claims, { sub, aud: CLIENT, nonce: REQUEST.nonce, email: 'ada@example.com', token_use: 'id' })
  t.match(access.claims, { sub, client_id: CLIENT, scope: 'openid email', token_use: 'access', auth_time: now / 1000 })
  const hash = createHash('sha256')
    .update(body.access_token ?? '')
    .digest()
    .subarray(0, 16)
  t.equal(id.claims.at_hash, hash.toString('base64url'))

  const refreshed = await postForm(server, '/oauth2/token', {
    grant_type: 'refresh_token',
    client_id: CLIENT,
    refresh_token: body.refresh_token,
  })
  t.equal(refreshed.status, 200)
  t.strictSame(Object.keys(refreshed.body).sort(), ['access_token', 'expires_in', 'id_token', 'token_type'])
  const again = await verifyToken(refreshed.body.access_token ?? '', server.issuer(POOL))
  t.match(again.claims, { scope: 'openid email', origin_jti: access.claims.origin_jti })

  const info = await fetch(`${server.url}/oauth2/userInfo`, {
    headers: { authorization: `Bearer ${body.access_token}` },
  })
  t.match(await info.json(), { sub, email: 'ada@example.com', email_verified: 'true', username: 'ada' })
  const admin = await call(server, 'GetUser', { AccessToken: body.access_token })
  t.match(admin.body, { __type: 'NotAuthorizedException', message: 'Access Token does not have required scopes' })
})

t.test('a request that names no trusted client or URL gets a page, and never a redirect', async t => {
  const server = await startPages(t, { callbackOrigins: ['http://localhost:*'] })
  const browser = new Browser(server)
  const cases: Array<[Changes, string]> = [
    [{ client_id: undefined }, 'invalid_request'],
    [{ client_id: 'unknown' }, 'invalid_client'],
    [{ client_id: OTHER_CLIENT }, 'unauthorized_client'],
    [{ redirect_uri: undefined }, 'invalid_request'],
    ...[
      'https://app.example/',
      `${CALLBACK}/`,
      `${CALLBACK}?more=1`,
      'https://app.example:8443/callback',
      'https://evil.example/callback',
      'javascript:alert(1)',
      'not a URL',
      'http://localhost:1.evil.example/',
      'http://localhost:80@evil.example/',
      'http://localhost\\@evil.example/',
      'http://localhost:5173/#fragment',
      ' http://localhost:5173/',
    ].map((redirect_uri): [Changes, string] => [{ redirect_uri }, 'redirect_mismatch']),
  ]
  for (const [changes, code] of cases) {
    for (const path of ['/oauth2/authorize', '/login']) {
      const answer = await browser.open(`${path}?${without({ ...REQUEST, ...changes })}`)
      t.equal(answer.status, 400, JSON.stringify(changes))
      t.equal(answer.location, null)
      t.match(answer.html, code)
    }
  }
  const twice = await browser.open(`/login?${without(REQUEST)}&client_id=${CLIENT}`)
  t.match(twice.html, /client_id is repeated/)
  const script = await browser.authorize({ redirect_uri: 'https://evil.example/<script>"\'' })
  t.notMatch(script.html, /<script>/)
})

t.test('a page of an allowed origin needs no registration', async t => {
  const server = await startPages(t, { callbackOrigins: ['http://localhost:*', 'https://dev.example'] })
  await addUser(t, server)
  for (const redirect_uri of [
    'http://localhost:5173/',
    'http://localhost:8080/a?b=c',
    'https://dev.example/callback',
  ]) {
    const browser = new Browser(server)
    const { at } = await browser.signIn('ada', PASSWORD, { redirect_uri })
    t.equal(at.origin, new URL(redirect_uri).origin)
    const { status } = await exchange(server, at.searchParams.get('code'), { redirect_uri })
    t.equal(status, 200, redirect_uri)
  }
})

t.test('every other fault of a request is sent to the redirect URI, with the state', async t => {
  const server = await startPages(t)
  const browser = new Browser(server)
  const cases: Array<[Changes, string]> = [
    [{ response_type: 'token' }, 'unauthorized_client'],
    [{ response_type: undefined }, 'invalid_request'],
    [{ scope: 'openid phone' }, 'invalid_scope'],
    [{ code_challenge_method: 'plain' }, 'invalid_request'],
    [{ code_challenge_method: undefined }, 'invalid_request'],
    [{ code_challenge: undefined }, 'invalid_request'],
    [{ code_challenge: 'short' }, 'invalid_request'],
    [{ prompt: 'none' }, 'login_required'],
  ]
  for (const [changes, error] of cases) {
    const { status, at } = await browser.authorize(changes)
    t.equal(status, 303)
    t.equal(at.origin + at.pathname, CALLBACK)
    t.match(Object.fromEntries(at.searchParams), { error, state: REQUEST.state }, JSON.stringify(changes))
  }
})

t.test('a code works once, for its client, its redirect URI and its verifier, for five minutes', async t => {
  const clock = new FakeClock({ startMs: Date.parse('2026-11-30T10:00:00Z') })
  const server = await startPages(t, { now: clock.now })
  await addUser(t, server)
  const newCode = async () => (await new Browser(server).signIn('ada', PASSWORD)).at.searchParams.get('code')

  const cases: Array<[Changes, string]> = [
    [{ redirect_uri: `${CALLBACK}/` }, 'invalid_grant'],
    [{ redirect_uri: undefined }, 'invalid_grant'],
    [{ code_verifier: 'x'.repeat(43) }, 'invalid_grant'],
    [{ code_verifier: undefined }, 'invalid_grant'],
    [{ client_id: OTHER_CLIENT }, 'unauthorized_client'],
    [{ client_id: 'unknown' }, 'invalid_client'],
    [{ client_id: undefined }, 'invalid_request'],
    [{ grant_type: 'password' }, 'unsupported_grant_type'],
    [{ code: undefined }, 'invalid_request'],
    [{ code: 'made up' }, 'invalid_grant'],
  ]
  for (const [changes, error] of cases) {
    const code = await newCode()
    const { status, body } = await exchange(server, code, changes)
    t.equal(status, 400)
    t.equal(body.error, error, JSON.stringify(changes))
    if (error === 'invalid_grant' && !('code' in changes)) {
      t.equal((await exchange(server, code)).body.error, 'invalid_grant', 'the failed attempt used the code up')
    }
  }

  const code = await newCode()
  const statuses = (await Promise.all([exchange(server, code), exchange(server, code)])).map(({ status }) => status)
  t.strictSame(statuses.sort(), [200, 400], 'of two concurrent exchanges, one gets tokens')
  const [late, later] = [await newCode(), await newCode()]
  clock.advance(5 * 60_000 - 1)
  t.equal((await exchange(server, late)).status, 200)
  clock.advance(1)
  t.equal((await exchange(server, later)).body.error, 'invalid_grant')
})

t.test('a wrong password shows the form again, and the password is in no page', async t => {
  const server = await startPages(t)
  await addUser(t, server)
  for (const [username, password] of [
    ['ada', 'wrong horse'],
    ['nobody', 'wrong horse'],
    ['ada', ''],
  ] as const) {
    const { status, html, location } = await new Browser(server).signIn(username, password)
    t.equal(status, 400)
    t.equal(location, null)
    t.equal(alertOf(html), 'Incorrect username or password.')
    t.match(html, `value="${username}"`)
    t.notMatch(html, 'wrong horse')
  }
})

t.test('a form of another site is not accepted', async t => {
  const server = await startPages(t)
  await addUser(t, server)
  const form = { username: 'ada', password: PASSWORD }
  const login = `/login?${without(REQUEST)}`
  for (const _csrf of [undefined, 'x'.repeat(43)]) {
    const answer = await new Browser(server).open(login, { ...form, _csrf })
    t.equal(answer.location, null)
    t.match(alertOf(answer.html), /open for too long/)
  }
})

t.test('a browser with a session gets a code without a page, until it signs out or an hour has passed', async t => {
  const clock = new FakeClock({ startMs: Date.parse('2026-11-30T10:00:00Z') })
  const server = await startPages(t, { now: clock.now })
  await addUser(t, server)
  const browser = new Browser(server)
  const isSignedIn = async (changes: Changes = {}) =>
    (await browser.authorize({ prompt: 'none', ...changes })).at.searchParams.has('code')

  t.notOk(await isSignedIn())
  const { headers } = await browser.signIn('ada', PASSWORD)
  t.match(headers.getSetCookie()[0], /^cognito=[^;]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=3600$/)
  clock.advance(60_000)
  const { at } = await browser.authorize()
  const { body } = await exchange(server, at.searchParams.get('code'))
  const { claims } = await verifyToken(body.access_token ?? '', server.issuer(POOL))
  t.equal(Number(claims.iat) - Number(claims.auth_time), 60)
  t.notOk((await browser.authorize({ prompt: 'login' })).at.searchParams.has('code'))

  const out = await browser.open(`/logout?${without({ client_id: CLIENT, logout_uri: 'https://app.example/bye' })}`)
  t.equal(out.location, 'https://app.example/bye')
  t.notOk(await isSignedIn())

  await browser.signIn('ada', PASSWORD)
  const evil = await browser.open(`/logout?${without({ client_id: CLIENT, logout_uri: 'https://evil.example/' })}`)
  t.match(evil, { status: 400, location: null })
  t.ok(await isSignedIn())
  t.match((await browser.open(`/logout?${without(REQUEST)}`)).location, /^\/login\?/)
  t.notOk(await isSignedIn())

  await browser.signIn('ada', PASSWORD)
  clock.advance(3_600_000)
  t.notOk(await isSignedIn())
  await browser.signIn('ada', PASSWORD)
  await call(server, 'AdminDeleteUser', { UserPoolId: POOL, Username: 'ada' })
  await addUser(t, server)
  t.notOk(await isSignedIn(), 'another user of the same name has no session')
})

t.test('a user with a temporary password chooses a new password on the next page', async t => {
  const server = await startPages(t)
  await call(server, 'AdminCreateUser', { UserPoolId: POOL, Username: 'ada', TemporaryPassword: 'temporary' })
  const browser = new Browser(server)
  const page = await browser.signIn('ada', 'temporary')
  t.match(page.html, /Choose a new password/)
  const refused = await browser.open(actionOf(page.html), { ...hiddenOf(page.html), new_password: 'short' })
  t.match(alertOf(refused.html), /not long enough/)
  const done = await browser.open(actionOf(refused.html), { ...hiddenOf(refused.html), new_password: PASSWORD })
  t.equal((await exchange(server, done.at.searchParams.get('code'))).status, 200)
  t.ok((await browser.signIn('ada', PASSWORD)).at.searchParams.has('code'))
})

t.test('a revoked refresh token and its access token no longer work', async t => {
  const server = await startPages(t)
  await addUser(t, server)
  const { at } = await new Browser(server).signIn('ada', PASSWORD)
  const { body } = await exchange(server, at.searchParams.get('code'))
  const revoke = (form: Changes) => postForm(server, '/oauth2/revoke', { client_id: CLIENT, ...form })
  t.match(await revoke({ token: body.access_token }), { status: 400, body: { error: 'unsupported_token_type' } })
  t.match(await revoke({}), { status: 400, body: { error: 'invalid_request' } })
  t.match(await revoke({ client_id: OTHER_CLIENT, token: body.refresh_token }), { status: 400 })
  t.match(await revoke({ token: body.refresh_token }), { status: 200, body: undefined })
  t.equal((await revoke({ token: body.refresh_token })).status, 200, 'again')
  const form = { grant_type: 'refresh_token', client_id: CLIENT, refresh_token: body.refresh_token }
  t.match(await postForm(server, '/oauth2/token', form), { status: 400, body: { error: 'invalid_grant' } })
  const info = await fetch(`${server.url}/oauth2/userInfo`, {
    headers: { authorization: `Bearer ${body.access_token}` },
  })
  t.equal(info.status, 401)
})

t.test('without the scope openid there is no id token', async t => {
  const server = await startPages(t)
  await addUser(t, server)
  const { at } = await new Browser(server).signIn('ada', PASSWORD, { scope: 'email' })
  const { body } = await exchange(server, at.searchParams.get('code'))
  t.strictSame(Object.keys(body).sort(), ['access_token', 'expires_in', 'refresh_token', 'token_type'])
})

t.test('a token request must be a form', async t => {
  const server = await startPages(t)
  const response = await fetch(`${server.url}/oauth2/token`, { method: 'POST', body: '{}' })
  t.equal(response.status, 400)
  t.match(await response.json(), { error: 'invalid_request', error_description: /x-www-form-urlencoded/ })
  t.equal((await fetch(`${server.url}/oauth2/token`)).status, 404)
})

t.test('the discovery document names the endpoints at the origin of the issuer', async t => {
  const server = await startPages(t, { issuerOrigin: 'http://localhost:9229' })
  const { body } = await get(`${server.url}/${POOL}/.well-known/openid-configuration`)
  t.match(body, {
    issuer: `http://localhost:9229/${POOL}`,
    authorization_endpoint: 'http://localhost:9229/oauth2/authorize',
    token_endpoint: 'http://localhost:9229/oauth2/token',
    revocation_endpoint: 'http://localhost:9229/oauth2/revoke',
    end_session_endpoint: 'http://localhost:9229/logout',
  })
})

t.test('the settings of the pages follow the settings of the server, and sessions keep their scope', async t => {
  const file = join(t.testdir(), 'state.json')
  const first = await start(t, { file, pools: [{ id: POOL, name: 'users', clients: [{ id: CLIENT, name: 'app' }] }] })
  t.equal((await new Browser(first).authorize()).status, 400)
  await first.stop()
  const second = await startPages(t, { file })
  await addUser(t, second)
  const { at } = await new Browser(second).signIn('ada', PASSWORD)
  const { body } = await exchange(second, at.searchParams.get('code'))
  await second.stop()
  const third = await startPages(t, { file, port: second.port })
  const form = { grant_type: 'refresh_token', client_id: CLIENT, refresh_token: body.refresh_token }
  const refreshed = await postForm(third, '/oauth2/token', form)
  const { claims } = await verifyToken(refreshed.body.access_token ?? '', third.issuer(POOL))
  t.equal(claims.scope, 'openid email')
})

t.test('a client with pages is created over the API, with the rules of Cognito for its URLs', async t => {
  const server = await startPages(t)
  await addUser(t, server)
  const create = (input: object) =>
    call(server, 'CreateUserPoolClient', {
      UserPoolId: POOL,
      ClientName: 'new',
      AllowedOAuthFlowsUserPoolClient: true,
      AllowedOAuthFlows: ['code'],
      AllowedOAuthScopes: ['openid'],
      CallbackURLs: ['http://localhost:8000/callback', 'myapp://callback'],
      LogoutURLs: ['https://app.example/'],
      SupportedIdentityProviders: ['COGNITO'],
      ...input,
    })
  const made = await create({})
  t.match(made.body.UserPoolClient, { AllowedOAuthFlowsUserPoolClient: true, AllowedOAuthScopes: ['openid'] })
  const changes = { client_id: made.body.UserPoolClient.ClientId, redirect_uri: 'myapp://callback', scope: undefined }
  t.match((await new Browser(server).signIn('ada', PASSWORD, changes)).location, /^myapp:\/\/callback\?code=/)
  for (const input of [
    { CallbackURLs: [] },
    { CallbackURLs: ['http://app.example/'] },
    { CallbackURLs: ['https://app.example/#a'] },
    { CallbackURLs: ['/callback'] },
    { LogoutURLs: ['http://app.example/'] },
    { AllowedOAuthScopes: [] },
    { AllowedOAuthFlows: ['implicit'] },
    { AllowedOAuthFlowsUserPoolClient: false },
  ]) {
    t.equal((await create(input)).body.__type, 'InvalidParameterException', JSON.stringify(input))
  }
})
