import { readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { signInByPassword } from '../../../services/cli/session/cognito.ts'
import { callCognito } from '../../../services/local/cognito-wire.ts'
import { startScene } from '../../client/support.ts'
import { startAws } from '../../support/aws.ts'
import { operation, startFaultProxy } from '../../support/fault-proxy.ts'
import { runProgram, until } from '../../support/processes.ts'
import { headgateHere } from '../program.ts'

const aws = await startAws(t)
const { api } = await startScene(t, aws)
const ann = await aws.createUser('ann@example.com')

/** Returns a command line with an empty settings folder. */
function newUser(t: Pick<Test, 'teardown' | 'testdir'>, { username, password } = ann) {
  const dir = t.testdir()
  const env = { HEADGATE_CONFIG_DIR: dir, HEADGATE_USERNAME: username, HEADGATE_PASSWORD: password }
  const read = (name: string) => JSON.parse(readFileSync(path.join(dir, name), 'utf8'))
  return { dir, read, headgate: headgateHere(t, env), asLater: headgateHere(t, { HEADGATE_CONFIG_DIR: dir }) }
}

t.test('login needs only the URL of the api, and later commands need neither a URL nor a password', async t => {
  const { headgate, asLater, read, dir } = newUser(t)
  t.match(await headgate('login', `${api.url}/uploads`, '--profile', 'test'), {
    code: 0,
    stdout: `Signed in to ${api.url} as ann@example.com. The profile is 'test'.\n`,
  })
  t.strictSame(Object.keys(read('profiles/test.json')).sort(), ['clientId', 'issuer', 'url', 'username'])
  t.match(await asLater('whoami'), {
    code: 0,
    stdout: /^user +ann@example\.com, id .*\napi .*\nprofile +test\ntoken +valid until 2/,
  })
  t.match((await asLater('profile', 'list', '--json')).lines(), [
    { profile: 'test', username: 'ann@example.com', signedIn: true, current: true },
  ])

  t.match(await asLater('logout'), { code: 0, stdout: `Signed out of ${api.url}.\n` })
  t.strictSame(readdirSync(path.join(dir, 'credentials')), [])
  t.match(await asLater('ls'), {
    code: 1,
    stderr: 'You are not signed in. Sign in with: headgate login --profile test\n',
  })
  t.match(await headgate('login'), { code: 0 }, 'the profile still knows the URL')
  t.match(await asLater('ls'), { code: 0 })
})

t.test('an expired token is renewed, and a refresh token that was revoked asks for a new sign-in', async t => {
  const { headgate, asLater, read, dir } = newUser(t)
  await headgate('login', api.url, '--profile', 'test')
  const tokens = read('credentials/test.json')
  const file = path.join(dir, 'credentials/test.json')
  writeFileSync(file, JSON.stringify({ ...tokens, idToken: 'old', expiresAt: 0 }))
  t.match(await asLater('ls'), { code: 0 })
  t.not(read('credentials/test.json').idToken, 'old')
  t.equal(read('credentials/test.json').refreshToken, tokens.refreshToken)

  writeFileSync(file, JSON.stringify({ ...tokens, idToken: 'rejected', expiresAt: Date.now() + 3_600_000 }))
  t.match(await asLater('ls'), { code: 0 }, 'a token that the api rejects is renewed too')

  await callCognito(aws.endpoints.cognito, 'RevokeToken', {
    ClientId: aws.env.COGNITO_CLIENT_ID,
    Token: tokens.refreshToken,
  })
  writeFileSync(file, JSON.stringify({ ...tokens, expiresAt: 0 }))
  t.match(await asLater('ls'), {
    code: 1,
    stderr: /Invalid Refresh Token\. Sign in with: headgate login --profile test\n$/,
  })
})

t.test('profiles are chosen by option, by variable, and by `profile use`', async t => {
  const { headgate, asLater, dir } = newUser(t)
  const bob = await aws.createUser('bob@example.com')
  await headgate('login', api.url, '--profile', 'ann')
  const asBob = headgateHere(t, {
    HEADGATE_CONFIG_DIR: dir,
    HEADGATE_USERNAME: bob.username,
    HEADGATE_PASSWORD: bob.password,
  })
  await asBob('login', api.url, '--profile', 'bob')
  const user = async (...args: string[]) => (await asLater('whoami', '--json', ...args)).lines()[0].username
  t.equal(await user(), 'bob@example.com', 'the last sign-in counts')
  t.equal(await user('--profile', 'ann'), 'ann@example.com')
  t.equal(
    (await headgateHere(t, { HEADGATE_CONFIG_DIR: dir, HEADGATE_PROFILE: 'ann' })('whoami', '--json')).lines()[0]
      .username,
    'ann@example.com',
  )
  t.match(await asLater('profile', 'use', 'ann'), { code: 0 })
  t.equal(await user(), 'ann@example.com')
  t.match(await asLater('profile', 'use', 'an'), { code: 2, stderr: /There is no profile 'an'\. Did you mean 'ann'\?/ })
  t.match(await asLater('profile', 'remove', 'ann'), { code: 0 })
  t.match((await asLater('profile', 'list')).stdout, /bob/)
  t.match(
    await asLater('whoami'),
    { code: 2, stderr: /^No deployment is known yet/ },
    'no other profile takes its place unasked',
  )
})

t.test('a sign-in that fails says why', async t => {
  const { headgate, dir } = newUser(t, { ...ann, password: 'wrong' })
  const cases: Array<[url: string, code: number, message: RegExp]> = [
    [api.url, 1, /^Cognito rejects the sign-in: NotAuthorizedException: Incorrect username or password\.\n$/],
    ['http://127.0.0.1:1', 1, /^http:\/\/127\.0\.0\.1:1 did not respond\. Check the URL and the network\.\n$/],
    [
      aws.endpoints.cognito,
      2,
      /is no api of Headgate: .* answered 4\d\d\. The URL is that of the api, without \/uploads\.\n$/,
    ],
    ['api.example.com', 2, /^'api\.example\.com' is no URL of an api\. It begins with https:/],
    ['http://api.example.com', 2, /the token would be readable on the network\. Use https:\/\/\.\n$/],
    ['https://ann:secret@api.example.com', 2, /^The URL contains a user or a password\./],
  ]
  for (const [url, code, message] of cases) t.match(await headgate('login', url), { code, stderr: message }, url)
  t.strictSame(readdirSync(dir), [], 'nothing is stored')
  t.match(await headgate('login', api.url, '--profile', '../x'), { code: 2, stderr: /^A profile's name has letters/ })
  const quiet = headgateHere(t, { HEADGATE_CONFIG_DIR: dir })
  t.match(await quiet('login', api.url), {
    code: 2,
    stderr: /needs a terminal, or HEADGATE_USERNAME and HEADGATE_PASSWORD/,
  })
})

t.test('Cognito that does not respond is named', async t => {
  const { headgate, asLater, read, dir } = newUser(t)
  await headgate('login', api.url, '--profile', 'test')
  const proxy = await startFaultProxy(t, aws.endpoints.cognito)
  proxy.inject(exchange => exchange.reset(), { when: operation('InitiateAuth') })
  const profile = { ...read('profiles/test.json'), issuer: `${proxy.url}/pool` }
  writeFileSync(path.join(dir, 'profiles/test.json'), JSON.stringify(profile))
  writeFileSync(
    path.join(dir, 'credentials/test.json'),
    JSON.stringify({ ...read('credentials/test.json'), expiresAt: 0 }),
  )
  t.match(await asLater('ls'), {
    code: 1,
    stderr: `${proxy.url}, which signs users in, did not respond. Sign in with: headgate login --profile test\n`,
  })
})

t.test('a user who must choose a new password is asked for it', async t => {
  const username = 'new@example.com'
  await callCognito(aws.endpoints.cognito, 'AdminCreateUser', {
    UserPoolId: aws.env.COGNITO_USER_POOL_ID,
    Username: username,
    TemporaryPassword: 'Temporary-1',
    MessageAction: 'SUPPRESS',
  })
  const client = { issuer: `${aws.endpoints.cognito}/pool`, clientId: aws.env.COGNITO_CLIENT_ID ?? '' }
  const asked: string[] = []
  const terminal = {
    ask: async (question: string) => {
      asked.push(question)
      return 'Chosen-by-me-1'
    },
  }
  const tokens = await signInByPassword(client, { username, password: 'Temporary-1' }, terminal)
  t.ok(tokens.refreshToken)
  t.strictSame(asked, ['Choose a new password: '])
  const noTerminal = { ask: async () => undefined }
  t.ok(await signInByPassword(client, { username, password: 'Chosen-by-me-1' }, noTerminal))
})

t.test('login --web signs in on the pages of the user pool', async t => {
  const { dir, read, asLater } = newUser(t)
  const program = path.resolve(import.meta.dirname, '../../../services/cli/headgate.ts')
  // Without PATH, no browser is found: the test opens the page itself.
  const env = { HEADGATE_CONFIG_DIR: dir, PATH: '' }
  const running = runProgram(t, [program, 'login', api.url, '--web', '--profile', 'web'], { env })
  await until(() => running.stderr().includes('code_challenge'))
  const [authorize = ''] = /^http\S+$/m.exec(running.stderr()) ?? []
  t.equal((await fetch('http://localhost:8976/favicon.ico')).status, 404, 'other requests are no answer')
  t.equal((await fetch('http://localhost:8976/?state=guessed&code=1')).status, 404)
  const callback = await signInOnPages(authorize, ann)
  t.match(callback, /^http:\/\/localhost:8976\/\?code=/)
  t.match(await (await fetch(callback)).text(), 'You can close this page')
  t.match(await running.ended, { code: 0 })
  t.match(running.stdout(), `Signed in to ${api.url} as`)
  t.ok(read('credentials/web.json').refreshToken)
  t.match(await asLater('whoami'), { code: 0, stdout: /^user +ann@example\.com/ })
})

/** Signs a user in as a browser does, and returns the URL to which the pages redirect at the end. */
async function signInOnPages(
  authorize: string,
  { username, password }: { username: string; password: string },
): Promise<string> {
  const cookies = new Map<string, string>()
  const open = async (url: string, form?: Record<string, string>) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie },
      ...(form && { method: 'POST', body: new URLSearchParams(form) }),
    })
    for (const text of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(text) ?? []
      cookies.set(name, value)
    }
    const location = response.headers.get('location')
    return { html: await response.text(), location: location === null ? '' : new URL(location, url).href }
  }
  const { location: page } = await open(authorize)
  const { html } = await open(page)
  const decoded = (text = '') => text.replaceAll('&amp;', '&').replaceAll('&quot;', '"')
  const hidden = [...html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)]
  const fields = Object.fromEntries(hidden.map(([, name = '', value]) => [name, decoded(value)]))
  const action = decoded(/<form[^>]* action="([^"]*)"/.exec(html)?.[1])
  return (await open(new URL(action, page).href, { ...fields, username, password })).location
}

t.test('tokens that cannot be stored are reported once, and the command goes on', async t => {
  const { headgate, asLater, read, dir } = newUser(t)
  await headgate('login', api.url, '--profile', 'test')
  const profile = { ...read('profiles/test.json'), ...ann }
  writeFileSync(path.join(dir, 'profiles/test.json'), JSON.stringify(profile))
  // A link to nowhere in the place of the folder: there is nothing to read, and no place to write.
  rmSync(path.join(dir, 'credentials'), { recursive: true })
  symlinkSync(path.join(dir, 'nowhere', 'credentials'), path.join(dir, 'credentials'))
  const listed = await asLater('ls')
  t.match(listed, {
    code: 0,
    stderr: /^The new tokens can't be stored, so the next command signs in again: .+\nThere are no uploads/,
  })
})
