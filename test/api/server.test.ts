import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { startAws } from '../support/aws.ts'
import { startFaultProxy, to } from '../support/fault-proxy.ts'
import { ask, createTestUser, eventually, NO_TRACES } from './support.ts'

const aws = await startAws(t)
const entry = fileURLToPath(new URL('../../services/api/server.ts', import.meta.url))

interface Server {
  child: ChildProcess
  url: string
  lines: string[]
}

async function startServer(t: Test, more: Record<string, string> = {}): Promise<Server> {
  const env = { ...aws.env, HOST: '127.0.0.1', PORT: '0', PATH: process.env.PATH, ...more }
  const child = spawn(process.execPath, [entry], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', line => lines.push(line))
  let url = ''
  await eventually(() => {
    url = /http:\/\/127\.0\.0\.1:\d+/.exec(lines.join(''))?.[0] ?? ''
    return url !== ''
  })
  return { child, url, lines }
}

t.test('the server accepts an upload, and exits with 0 on SIGTERM', async t => {
  const { child, url } = await startServer(t)
  const user = await createTestUser(aws)
  const headers = { ...user.auth, 'content-type': 'application/json' }
  const answer = await ask(`${url}/uploads`, { method: 'POST', headers, body: '{"content":"x"}' })
  t.match(answer, { status: 200, body: { status: 'queued' } })
  child.kill('SIGTERM')
  t.same(await once(child, 'exit'), [0, null])
})

t.test('SIGTERM waits for an upload in flight', async t => {
  const { child, url, lines } = await startServer(t)
  const user = await createTestUser(aws)
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  const upload = request(`${url}/uploads?filename=slow.bin`, { method: 'POST', headers: user.auth, agent })
  const answered = once(upload, 'response')
  upload.write('first half, ')
  // Connections are accepted in order. After the response to a later one, the upload is in flight.
  await ask(`${url}/livez`)
  child.kill('SIGTERM')
  await eventually(() => lines.some(line => line.includes('"msg":"stopping"')))
  upload.end('second half')
  const [response] = await answered
  t.match(response, { statusCode: 200, headers: { connection: 'close' } }, 'the connection does not delay the stop')
  response.resume()
  t.same(await once(child, 'exit'), [0, null])
  t.match((await user.traces()).records, [{ status: 'queued', size: 23 }])
})

t.test('SIGTERM aborts an upload that does not end in time, and nothing of it is left', async t => {
  const s3 = await startFaultProxy(t, aws.endpoints.s3)
  const { child, url, lines } = await startServer(t, { SHUTDOWN_TIMEOUT_MS: '6000', AWS_ENDPOINT_URL_S3: s3.url })
  const user = await createTestUser(aws)
  const upload = request(`${url}/uploads?filename=endless.bin`, { method: 'POST', headers: user.auth })
  const failed = once(upload, 'error')
  upload.write(Buffer.alloc(20 * 1024 ** 2))
  await eventually(() => s3.count(to('PUT', /partNumber=/)) > 0)
  child.kill('SIGTERM')
  await failed
  t.same(await once(child, 'exit'), [0, null])
  t.equal(s3.count(to('DELETE', /uploadId=/)), 1, 'its multipart upload is aborted')
  t.same(await user.traces(), NO_TRACES)
  t.ok(lines.some(line => line.includes('broken off')))
})

t.test(
  'a stop fails the readiness check before connections are refused, and the admin port reports it until the end',
  async t => {
    const { child, url, lines } = await startServer(t, {
      SHUTDOWN_DELAY_MS: '1500',
      ADMIN_PORT: '0',
      ADMIN_HOST: '127.0.0.1',
    })
    let admin = ''
    await eventually(() => {
      admin = /"admin":"(http:[^"]+)"/.exec(lines.join(''))?.[1] ?? ''
      return admin !== ''
    })
    t.equal((await ask(`${admin}/readyz`)).status, 200)
    child.kill('SIGTERM')
    await eventually(async () => (await ask(`${admin}/readyz`)).status === 503)
    t.equal((await fetch(`${url}/readyz`)).status, 503)
    const user = await createTestUser(aws)
    const headers = { ...user.auth, 'content-type': 'application/json' }
    t.equal(
      (await ask(`${url}/uploads`, { method: 'POST', headers, body: '{"content":"x"}' })).status,
      200,
      'served still',
    )
    t.same(await once(child, 'exit'), [0, null])
  },
)

t.test('the process lists every invalid variable and exits with 1 before it listens', async t => {
  const { COGNITO_CLIENT_ID: _left, ...rest } = aws.env
  const env = { ...rest, PORT: 'eighty', UPLOAD_BUCKET: '', PATH: process.env.PATH }
  const child = spawn(process.execPath, [entry], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const errors: Buffer[] = []
  const output: Buffer[] = []
  child.stderr.on('data', chunk => errors.push(chunk))
  child.stdout.on('data', chunk => output.push(chunk))
  const [code] = await once(child, 'close')
  t.equal(code, 1)
  for (const name of ['PORT', 'UPLOAD_BUCKET', 'COGNITO_CLIENT_ID']) t.match(Buffer.concat(errors).toString(), name)
  t.equal(Buffer.concat(output).toString(), '')
})

t.test('an invalid TRUST_PROXY is named, and the process exits with 1', async t => {
  const env = { ...aws.env, TRUST_PROXY: 'true', PORT: '0', PATH: process.env.PATH }
  const child = spawn(process.execPath, [entry], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  const errors: Buffer[] = []
  child.stderr.on('data', chunk => errors.push(chunk))
  const [code] = await once(child, 'close')
  t.equal(code, 1)
  t.match(Buffer.concat(errors).toString(), /TRUST_PROXY: must be addresses or CIDR ranges/)
})
