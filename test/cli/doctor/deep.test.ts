import { once } from 'node:events'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { doctorConfigSchema } from '../../../services/cli/doctor/config.ts'
import { latencyOf } from '../../../services/cli/doctor/deep/latency.ts'
import { stepIds } from '../../../services/cli/doctor/deep/run-steps.ts'
import { getToken } from '../../../services/cli/doctor/deep/sign-in.ts'
import { processTerminal } from '../../../services/cli/terminal.ts'
import { loadConfig } from '../../../services/platform/config/load.ts'
import { eventually } from '../../api/support.ts'
import { startAws } from '../../support/aws.ts'
import { startFaultProxy, to } from '../../support/fault-proxy.ts'
import { runProgram } from '../../support/processes.ts'
import { runHeadgate } from '../program.ts'

const services = path.resolve(import.meta.dirname, '../../../services')
const aws = await startAws(t, { shards: 1 })

/** Starts an api for as long as the test. Resolves to its URL. */
async function startApi(t: Pick<Test, 'teardown'>, env: Record<string, string> = {}): Promise<string> {
  const settings = { ...aws.env, HOST: '127.0.0.1', PORT: '0', ...env }
  const api = runProgram(t, [path.join(services, 'api/server.ts')], { env: settings })
  const url = () => /listening at (http:\/\/127\.0\.0\.1:\d+)/.exec(api.stdout())?.[1]
  await eventually(() => url() !== undefined, 60_000)
  return url() ?? ''
}

const API_URL = await startApi(t)
const worker = runProgram(t, [path.join(services, 'worker/worker.ts')], { env: aws.env })
await eventually(() => worker.stdout().includes('"lease acquired"'), 60_000)

/** Creates a user for one test. Resolves to the environment for the user. */
async function newUser(): Promise<Record<string, string>> {
  const user = await aws.createUser(`doctor-${crypto.randomUUID()}@example.com`)
  return { ...aws.env, API_URL, HEADGATE_USERNAME: user.username, HEADGATE_PASSWORD: user.password }
}

t.test('a healthy deployment passes every step, and no upload is left', async t => {
  const env = await newUser()
  const { code, lines, stderr } = await runHeadgate(t, env, 'doctor', '--deep', '--json', '--requests', '5')
  t.equal(code, 0, stderr)
  const findings = lines()
  const { report, measured, left } = findings.pop()
  t.strictSame(
    findings.filter(({ status }) => status === 'failed'),
    [],
  )
  const ids = findings.map(({ id }) => id)
  t.strictSame(
    stepIds.filter(id => !ids.includes(id)),
    [],
    'every step was run',
  )
  t.equal(findings.find(({ id }) => id === 'upload-json').seen, 'HELLO KINESIS')
  t.match(measured, { atOnce: { count: 10 }, upload: { count: 5, p50: Number, p99: Number }, firstMs: Number })
  t.strictSame(left, [])
  const token = await getToken(loadConfig(doctorConfigSchema, env), { ask: async () => undefined })
  const list = await fetch(`${API_URL}/uploads`, { headers: { authorization: `Bearer ${token}` } })
  t.strictSame(await list.json(), { uploads: [] })

  t.match(report, /^## headgate doctor --deep\n/)
  t.match(report, /\| ok \| `tus` \| 5242883 bytes were downloaded unchanged \(\d+ ms\) \|/)
  t.match(report, /\| `POST \/uploads`, 1 KB \| 5 \| \d+ \| \d+ \| \d+ \|/)
  const values = [env.HEADGATE_USERNAME, env.HEADGATE_PASSWORD, API_URL, env.COGNITO_CLIENT_ID, 'uploads-stream']
  const secrets = [...values.map(String), 'X-Amz', 'eyJ']
  t.strictSame(
    secrets.filter(secret => report.includes(secret)),
    [],
  )
})

t.test('an api for another audience fails, and each step reports the response and what to do', async t => {
  const url = await startApi(t, { COGNITO_CLIENT_ID: 'another0client0000000001' })
  const env = { ...(await newUser()), API_URL: url }
  const only = ['--only', 'upload-json', '--only', 'api-with-token']
  const { code, lines } = await runHeadgate(t, env, 'doctor', '--deep', '--json', ...only)
  t.equal(code, 1)
  const found = Object.fromEntries(lines().map(finding => [finding.id ?? 'report', finding]))
  t.match(found['upload-json'], {
    status: 'failed',
    seen: /^POST \/uploads returned 401 instead of 200 or 202, request \S+: urn:headgate:problem:invalid-token/,
    advice: 'See the checks `token` and `api-with-token`.',
  })
  t.match(found['api-with-token'].advice, /COGNITO_CLIENT_ID/)
  t.match(found.report.report, /\| failed \| `upload-json` \| .*\*\*Do:\*\* See the checks/)
})

t.test('counts an upload that cannot be deleted, and deletes the others', async t => {
  const proxy = await startFaultProxy(t, API_URL)
  proxy.inject(({ answer }) => answer(503, {}, 'down'), { when: to('DELETE'), times: 1 })
  const env = { ...(await newUser()), API_URL: proxy.url }
  const only = ['--only', 'upload-json', '--only', 'idempotency-key', '--only', 'events']
  const { code, lines } = await runHeadgate(t, env, 'doctor', '--deep', '--json', ...only)
  t.equal(code, 1)
  const found = lines()
  const { left, report } = found.pop()
  t.equal(left.length, 1)
  t.match(report, /\n1 uploads could not be deleted\.$/)
  t.match(
    found.find(({ id }) => id === 'delete'),
    { status: 'failed', seen: /^DELETE \/uploads\/\S+ returned 503/ },
  )
  const config = loadConfig(doctorConfigSchema, env)
  const token = await getToken(config, { ask: async () => undefined })
  const list = await fetch(`${API_URL}/uploads`, { headers: { authorization: `Bearer ${token}` } })
  t.match(await list.json(), { uploads: [{ uploadId: left[0] }] })
})

/** Starts doctor --deep with many uploads. Resolves once the first of them is created. */
async function startDeep(t: Pick<Test, 'teardown'>, env: Record<string, string>) {
  const args = [
    path.join(services, 'cli/headgate.ts'),
    'doctor',
    '--deep',
    '--json',
    '--only',
    'upload-json',
    '--only',
    'latency',
    '--requests',
    '1000',
  ]
  const program = runProgram(t, args, { env })
  await eventually(() => program.stdout().includes('"upload-json"'), 60_000)
  return program
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  t.test(`${signal} ends the run after its uploads are deleted`, async t => {
    const program = await startDeep(t, await newUser())
    program.child.kill(signal)
    t.match(await program.ended, { code: 1, signal: null }, program.stderr())
    const lines = program
      .stdout()
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
    t.match(
      lines.find(({ id }) => id === 'delete'),
      { status: 'ok', seen: /^[1-9]\d* uploads were deleted$/ },
    )
    t.match(
      lines.find(({ id }) => id === 'latency'),
      { seen: 'the step was interrupted by a signal' },
    )
    t.strictSame(lines.at(-1).left, [])
  })
}

t.test('deletes its uploads when the reader of its output is gone', async t => {
  const proxy = await startFaultProxy(t, API_URL)
  const program = await startDeep(t, { ...(await newUser()), API_URL: proxy.url })
  await eventually(() => proxy.count(to('POST', /^\/uploads$/)) > 5, 60_000)
  program.child.stdout?.destroy()
  // The command notices it when it writes the result of the next step.
  program.child.kill('SIGTERM')
  await program.ended
  const created = proxy.count(to('POST', /^\/uploads$/))
  // The response of the last upload may have been lost to the signal, so this upload may be left.
  t.ok(proxy.count(to('DELETE')) >= created - 1, `${created} were created`)
})

t.test('a second signal during the deletion lists the uploads that may be left', async t => {
  const proxy = await startFaultProxy(t, API_URL)
  const held = proxy.inject(({ signal }) => once(signal, 'abort').then(() => undefined), { when: to('DELETE') })
  const program = await startDeep(t, { ...(await newUser()), API_URL: proxy.url })
  program.child.kill('SIGTERM')
  await held.reached()
  program.child.kill('SIGTERM')
  t.match(await program.ended, { code: null, signal: 'SIGTERM' })
  t.match(program.stderr(), /Uploads that may be left \(\d+\): \w+.*Delete each by DELETE/)
})

t.test('deletes an upload whose response a step rejects', async t => {
  const proxy = await startFaultProxy(t, API_URL)
  // A proxy may change the status and the content type.
  proxy.inject(
    async ({ forward, response }) => {
      const body = await buffer(await forward())
      response.writeHead(299, { 'content-type': 'text/plain' }).end(body)
    },
    { when: to('POST', /^\/uploads$/), times: 1 },
  )
  const env = { ...(await newUser()), API_URL: proxy.url }
  const { lines } = await runHeadgate(t, env, 'doctor', '--deep', '--json', '--only', 'upload-json')
  const found = Object.fromEntries(lines().map(finding => [finding.id ?? 'report', finding]))
  t.match(found['upload-json'], { status: 'failed', seen: /returned 299/ })
  t.match(found.delete, { status: 'ok', seen: '1 uploads were deleted' })
  t.strictSame(found.report.left, [])
})

t.test('fails if the stored file of 65 MiB has the right size and other bytes', async t => {
  const proxy = await startFaultProxy(t, API_URL)
  proxy.inject(({ answer }) => answer(200, {}, 'x'.repeat(65 * 1024 ** 2)), { when: to('GET', /\/content$/) })
  const env = { ...(await newUser()), API_URL: proxy.url }
  const { lines } = await runHeadgate(t, env, 'doctor', '--deep', '--json', '--only', 'grant-in-parts')
  t.match(
    lines().find(({ id }) => id === 'grant-in-parts'),
    { status: 'failed', seen: /^the stored file has 68157440 bytes and differs from the 68157440 expected bytes/ },
  )
})

t.test('says what to set if the user or API_URL is missing, or the password is wrong', async t => {
  const { HEADGATE_PASSWORD: _password, ...nobody } = await newUser()
  t.match(await runHeadgate(t, nobody, 'doctor', '--deep'), {
    code: 2,
    stderr: /set API_TOKEN, or HEADGATE_USERNAME and HEADGATE_PASSWORD/,
  })
  t.match(await runHeadgate(t, aws.env, 'doctor', '--deep'), { code: 2, stderr: /`--deep` needs API_URL/ })
  t.match(await runHeadgate(t, aws.env, 'doctor', '--small'), { code: 2, stderr: /need --deep/ })
  t.match(await runHeadgate(t, aws.env, 'doctor', '--only', 'tus'), { code: 2, stderr: /It is a step of --deep/ })
  const wrong = { ...(await newUser()), HEADGATE_PASSWORD: 'Wrong-password-1' }
  const refused = await runHeadgate(t, wrong, 'doctor', '--deep')
  t.match(refused, { code: 1, stderr: /^Cognito rejects the sign-in: NotAuthorizedException/ })
  t.notMatch(`${refused.stdout}${refused.stderr}`, /Wrong-password-1/)
})

t.test('says why the sign-in failed if Cognito cannot be reached', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.cognito)
  proxy.inject(({ response }) => void response.destroy())
  const env = { ...(await newUser()), COGNITO_ISSUER: `${proxy.url}/${aws.env.COGNITO_USER_POOL_ID}` }
  t.match(await runHeadgate(t, env, 'doctor', '--deep'), {
    code: 1,
    stderr: /^cognito-idp:InitiateAuth on http:\S+ failed with SocketError: .*\. Nothing responds at the endpoint/,
  })
})

t.test('asks for API_TOKEN if the user needs a second factor', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.cognito)
  proxy.inject(exchange =>
    exchange.answer(200, {}, JSON.stringify({ ChallengeName: 'SOFTWARE_TOKEN_MFA', Session: 's' })),
  )
  const issuer = `${proxy.url}/${aws.env.COGNITO_USER_POOL_ID}`
  const config = loadConfig(doctorConfigSchema, { ...(await newUser()), COGNITO_ISSUER: issuer })
  await t.rejects(getToken(config, { ask: async () => undefined }), {
    code: 'HEADGATE_SIGN_IN',
    message: /SOFTWARE_TOKEN_MFA.* API_TOKEN/,
  })
})

t.test('does not show a password that is typed', async t => {
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined })
  const stderr = new PassThrough()
  const terminal = processTerminal({ stdin, stderr } as unknown as NodeJS.Process)
  const asked = terminal.ask('Password: ', { isHidden: true })
  stdin.write('Secret-word-1\r')
  t.equal(await asked, 'Secret-word-1')
  const shown = stderr.read().toString()
  t.match(shown, /^Password: /)
  t.notMatch(shown, /Secret/)

  const name = terminal.ask('User name: ')
  stdin.write('ann\r')
  t.equal(await name, 'ann')
  const ended = terminal.ask('Password: ', { isHidden: true })
  stdin.end()
  t.equal(await ended, undefined, 'the end of the input resolves to undefined')
  const nowhere = processTerminal({ stdin: new PassThrough(), stderr } as unknown as NodeJS.Process)
  t.equal(await nowhere.ask('User name: '), undefined, 'without a terminal, there is no question')
  await once(stderr.end().resume(), 'end')
})

t.test('computes percentiles by the nearest-rank method', async t => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index)
  t.strictSame(latencyOf(hundred), { count: 100, p50: 50, p99: 99, max: 100 })
  t.strictSame(latencyOf([7]), { count: 1, p50: 7, p99: 7, max: 7 })
})
