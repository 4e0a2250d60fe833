import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import {
  addUser,
  CLIENT,
  call,
  isError,
  PASSWORD,
  POOL,
  refresh,
  signIn,
  start,
  verifyToken,
} from './cognito-client.ts'

t.test('users, keys and sessions survive a restart', async t => {
  const file = join(t.testdir(), 'deep', 'state.json')
  const first = await start(t, { file })
  const sub = await addUser(t, first)
  first.rotateKeys(POOL)
  const { AccessToken, RefreshToken } = (await signIn(first)).body.AuthenticationResult
  await call(first, 'SignUp', { ClientId: CLIENT, Username: 'eve', Password: PASSWORD })
  await first.stop()

  const second = await start(t, { file, port: first.port })
  const { claims } = await verifyToken(AccessToken, second.issuer(POOL))
  t.equal(claims.sub, sub)
  t.equal((await call(second, 'GetUser', { AccessToken })).status, 200)
  const refreshed = (await refresh(second, RefreshToken)).body.AuthenticationResult
  t.equal((await verifyToken(refreshed.AccessToken, second.issuer(POOL))).header.kid, await kidOf(AccessToken))
  t.equal((await signIn(second)).status, 200)
  isError(t, await signIn(second, 'eve'), 'UserNotConfirmedException')
})

t.test('a client that is new in the settings is added to an existing pool', async t => {
  const file = join(t.testdir(), 'state.json')
  const app = { id: CLIENT, name: 'app' }
  const first = await start(t, { file, pools: [{ id: POOL, name: 'users', clients: [app] }] })
  await addUser(t, first)
  await first.stop()
  const clients = [app, { id: 'late', name: 'late' }]
  const second = await start(t, { file, pools: [{ id: POOL, name: 'users', clients }] })
  t.equal((await signIn(second, 'ada', PASSWORD, 'late')).status, 200)
  await second.stop()
  const third = { file, pools: [{ id: 'us-east-1_Test2', name: 'users', clients: [app] }] }
  await t.rejects(start(t, third), { code: 'HEADGATE_COGNITO_SETTINGS' })
})

t.test('the file holds no password, code or token in plain text, and only its owner can read it', async t => {
  const file = join(t.testdir(), 'state.json')
  const server = await start(t, { file })
  await addUser(t, server)
  const { RefreshToken, AccessToken, IdToken } = (await signIn(server)).body.AuthenticationResult
  const text = await readFile(file, 'utf8')
  t.match(text, /"username":"ada"/)
  for (const secret of [PASSWORD, RefreshToken, AccessToken, IdToken]) t.notOk(text.includes(secret))
  t.equal((await stat(file)).mode & 0o777, 0o600)
})

t.test('a file with other contents prevents the start and is not changed', async t => {
  const file = join(t.testdir(), 'state.json')
  for (const text of ['', '{', '{"version":1,"pools":[{"id":"PRIVATE"}]}', '{"version":2,"pools":[]}', 'PRIVATE KEY']) {
    await writeFile(file, text)
    const error = await start(t, { file }).then(
      () => t.fail('it started'),
      (reason: unknown) => reason,
    )
    t.match(error, { code: 'HEADGATE_COGNITO_STATE', message: new RegExp(file) })
    t.notMatch(String(error), /PRIVATE/)
    t.equal(await readFile(file, 'utf8'), text)
  }
})

t.test('a change that cannot be saved is answered with an error', async t => {
  const folder = t.testdir({ data: {} })
  const file = join(folder, 'data', 'state.json')
  const server = await start(t, { file })
  await rm(join(folder, 'data'), { recursive: true })
  // A file where the folder should be: nobody can write below it, not even root.
  await writeFile(join(folder, 'data'), '')
  const signUp = () => call(server, 'SignUp', { ClientId: CLIENT, Username: 'ada', Password: PASSWORD })
  const stderr = t.capture(process.stderr, 'write', () => true)
  const reply = await signUp()
  t.equal(reply.status, 500)
  t.equal(reply.body.__type, 'InternalErrorException')
  const output = stderr()
    .map(({ args }) => String(args[0]))
    .join('')
  t.match(output, /ENOTDIR|EEXIST/)
  t.notMatch(output, PASSWORD)
  await rm(join(folder, 'data'))
  t.equal((await call(server, 'AdminConfirmSignUp', { UserPoolId: POOL, Username: 'ada' })).status, 200)
  t.match(await readFile(file, 'utf8'), /"username":"ada"/, 'the next save catches up')
})

t.test('kill -9 loses no change that was confirmed, and never leaves a partial file', { timeout: 60_000 }, async t => {
  const file = join(t.testdir(), 'state.json')
  const answered: string[] = []
  for (let round = 0; round < 3; round++) {
    const { child, url } = await spawnServer(t, file)
    const writers = [0, 1, 2, 3].map(async writer => {
      for (let index = 0; child.exitCode === null && child.signalCode === null; index++) {
        const Username = `user-${round}-${writer}-${index}`
        try {
          const { status } = await call({ url }, 'SignUp', { ClientId: CLIENT, Username, Password: PASSWORD })
          if (status === 200) answered.push(Username)
        } catch {
          // The server was killed during the request, so it confirmed nothing.
          return
        }
        if (answered.length >= (round + 1) * 12) child.kill('SIGKILL')
      }
    })
    await Promise.all(writers)
    JSON.parse(await readFile(file, 'utf8'))
  }
  const server = await start(t, { file })
  const replies = await Promise.all(
    answered.map(Username => call(server, 'AdminGetUser', { UserPoolId: POOL, Username })),
  )
  t.ok(answered.length >= 36)
  t.strictSame(
    replies.filter(({ status }) => status !== 200).map(({ body }) => body),
    [],
  )
})

async function kidOf(token: string): Promise<string> {
  const [header = ''] = token.split('.')
  return JSON.parse(Buffer.from(header, 'base64url').toString()).kid
}

async function spawnServer(t: Test, file: string): Promise<{ child: ChildProcess; url: string }> {
  const script = fileURLToPath(new URL('cognito-process.ts', import.meta.url))
  const child = spawn(process.execPath, [script, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const [port] = await once(child.stdout, 'data')
  return { child, url: `http://127.0.0.1:${String(port).trim()}` }
}
