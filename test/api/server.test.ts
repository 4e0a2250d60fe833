import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { startAws } from '../support/aws.ts'
import { ask, createTestUser, eventually } from './support.ts'

const aws = await startAws(t)
const entry = fileURLToPath(new URL('../../services/api/server.ts', import.meta.url))

interface Server {
  child: ChildProcess
  url: string
  lines: string[]
}

async function startServer(t: Test): Promise<Server> {
  const env = { ...aws.env, HOST: '127.0.0.1', PORT: '0', PATH: process.env.PATH }
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

t.test('the server takes an upload, and ends with 0 on SIGTERM', async t => {
  const { child, url } = await startServer(t)
  const user = await createTestUser(aws)
  const headers = { ...user.auth, 'content-type': 'application/json' }
  const answer = await ask(`${url}/uploads`, { method: 'POST', headers, body: '{"content":"x"}' })
  t.match(answer, { status: 200, body: { status: 'queued' } })
  child.kill('SIGTERM')
  t.same(await once(child, 'exit'), [0, null])
})

t.test('SIGTERM lets an upload under way end', async t => {
  const { child, url, lines } = await startServer(t)
  const user = await createTestUser(aws)
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  const upload = request(`${url}/uploads?filename=slow.bin`, { method: 'POST', headers: user.auth, agent })
  const answered = once(upload, 'response')
  upload.write('first half, ')
  // Connections are taken in their order: once a later one is answered, the upload is under way.
  await ask(`${url}/livez`)
  child.kill('SIGTERM')
  await eventually(() => lines.some(line => line.includes('"msg":"stopping"')))
  upload.end('second half')
  const [response] = await answered
  t.match(
    response,
    { statusCode: 200, headers: { connection: 'close' } },
    'and its connection does not hold the stop up',
  )
  response.resume()
  t.same(await once(child, 'exit'), [0, null])
  t.match((await user.traces()).records, [{ status: 'queued', size: 23 }])
})

t.test('a wrong environment is named, every variable of it, and the process ends with 1 before it listens', async t => {
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

t.test('a TRUST_PROXY that is no address ends the process with 1 and its name', async t => {
  const env = { ...aws.env, TRUST_PROXY: 'true', PORT: '0', PATH: process.env.PATH }
  const child = spawn(process.execPath, [entry], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  const errors: Buffer[] = []
  child.stderr.on('data', chunk => errors.push(chunk))
  const [code] = await once(child, 'close')
  t.equal(code, 1)
  t.match(Buffer.concat(errors).toString(), /TRUST_PROXY: must be addresses or CIDR ranges/)
})
