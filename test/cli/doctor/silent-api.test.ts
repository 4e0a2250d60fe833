import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { doctorConfigSchema, normalizeConfig } from '../../../services/cli/doctor/config.ts'
import { createApiClient } from '../../../services/cli/doctor/deep/api-client.ts'
import { firstRequest } from '../../../services/cli/doctor/deep/latency.ts'
import { deletionStep } from '../../../services/cli/doctor/deep/reading.ts'
import { runStep } from '../../../services/cli/doctor/deep/run-steps.ts'
import { fetchText } from '../../../services/cli/doctor/http.ts'
import { loadConfig } from '../../../services/platform/config/load.ts'
import { startAws } from '../../support/aws.ts'
import { runHeadgate } from '../program.ts'
import { examine } from './doctor.ts'

const aws = await startAws(t, { shards: 1 })
const { idToken } = await aws.signIn()

// Each test mostly waits for timeouts, with a server of its own.
t.jobs = 4

/** Starts a server that is not the api, for as long as the test. Resolves to its URL. */
async function serve(t: Pick<Test, 'teardown'>, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const endless: RequestListener = (_request, response) => {
  const zeros = function* () {
    while (true) yield Buffer.alloc(65_536)
  }
  const body = Readable.from(zeros())
  response.once('close', () => body.destroy())
  body.pipe(response)
}

t.test('cancels and reports a body that never ends', async t => {
  const url = await serve(t, endless)
  const target = { action: 'GET', resource: url, variable: 'API_URL' }
  await t.rejects(fetchText(url, {}, target), { cause: { code: 'HEADGATE_BODY_TOO_LARGE' } })
  const result = await runStep(
    firstRequest,
    createApiClient({ root: url, token: 'x', signal: AbortSignal.timeout(60_000), uploadIds: new Set() }),
  )
  t.match(result, {
    status: 'failed',
    seen: /The body of the response is longer than 16777216 bytes/,
    advice: /^Something other than the api responds at API_URL\. Set API_URL/,
  })
})

t.test('the advice for an api that never responds names API_URL', async t => {
  const url = await serve(t, () => undefined)
  const signal = AbortSignal.timeout(100)
  const result = await runStep(firstRequest, createApiClient({ root: url, token: 'x', signal, uploadIds: new Set() }))
  t.match(result, { status: 'failed', advice: /^Nothing responds at API_URL/ })
  const checks = { env: { API_URL: url }, only: ['api-without-token'], timeoutMs: 100 }
  const results = await examine(t, aws, checks)
  t.match(results['api-without-token'], { status: 'failed', advice: /^Nothing responds at API_URL/ })
})

t.test('skips every step after a first request without a response', async t => {
  const url = await serve(t, request => void request.socket.destroy())
  const env = { ...aws.env, API_URL: url, API_TOKEN: idToken }
  const only = ['--only', 'upload-json', '--only', 'latency']
  const { code, lines } = await runHeadgate(t, env, 'doctor', '--deep', '--json', ...only)
  t.equal(code, 1)
  t.match(lines(), [
    { id: 'first-request', status: 'failed', advice: /^Nothing responds at API_URL/ },
    { id: 'upload-json', status: 'skipped', seen: /^no response to the first request: GET on/ },
    { id: 'latency', status: 'skipped' },
    { report: /^## headgate/, left: [] },
  ])
})

t.test('exits after its output although a credential process hangs', async t => {
  const { AWS_ACCESS_KEY_ID: _id, AWS_SECRET_ACCESS_KEY: _secret, ...env } = aws.env
  // `cat` waits for its input, which ends with the command. So no process is left behind.
  const dir = t.testdir({ config: '[default]\ncredential_process = cat\n' })
  const startedAt = performance.now()
  const run = await runHeadgate(
    t,
    { ...env, AWS_CONFIG_FILE: `${dir}/config`, AWS_SHARED_CREDENTIALS_FILE: `${dir}/none`, AWS_PROFILE: 'default' },
    ...['doctor', '--json', '--only', 'stream'],
  )
  t.match(run, { code: 1, stdout: /"no result within 20 s"/ })
  t.ok(performance.now() - startedAt < 60_000)
})

t.test('rejects an API_URL that is not the root of an api', async t => {
  const usable = (API_URL: string) => normalizeConfig(loadConfig(doctorConfigSchema, { ...aws.env, API_URL }))
  const cases = {
    'http://[x': /^API_URL is not a valid URL\. Set API_URL/,
    'https://api.example.com/uploads': /^API_URL ends with \/uploads/,
    'https://ann:secret@api.example.com': /^API_URL contains a user or a password/,
    'https://api.example.com/?a=b': /^API_URL has a query/,
  }
  for (const [url, message] of Object.entries(cases)) {
    t.throws(() => usable(url), { code: 'HEADGATE_USAGE', message })
  }
  t.equal(usable('https://api.example.com/stage').API_URL, 'https://api.example.com/stage')
  const run = await runHeadgate(t, { ...aws.env, API_URL: 'http://[x' }, 'doctor')
  t.match(run, { code: 2, stdout: '', stderr: /^API_URL is not a valid URL/ })
})

t.test('sends the token to equivalent URLs of the api, and to no other URL', async t => {
  const url = await serve(t, (request, response) => void response.end(request.headers.authorization ?? 'none'))
  const { port } = new URL(url)
  const root = `http://LOCALHOST:${port}/api`
  const signal = AbortSignal.timeout(10_000)
  const api = createApiClient({ root, token: 'secret', signal, uploadIds: new Set() })
  const sent = async (where: string) => (await api.request(where)).bytes.toString()
  t.equal(await sent(`http://localhost:${port}/api/uploads/1`), 'Bearer secret')
  t.equal(await sent('/uploads/1'), 'Bearer secret')
  t.equal(await sent(`http://localhost:${port}/apiary/uploads`), 'none')
  t.equal(await sent(`${url}/api/uploads`), 'none', 'another host')
  await t.rejects(api.request('no URL'), { code: 'HEADGATE_STEP_FAILED' })
})

t.test('the timeout of the deletion grows with the number of uploads', async t => {
  t.equal(deletionStep(10).timeoutMs, 300_000)
  t.equal(deletionStep(1_000).timeoutMs, 2_000_000)
})
