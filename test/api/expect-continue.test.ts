import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { startAws } from '../support/aws.ts'
import { as, JSON_TYPE } from './attacks/attack.ts'
import { bytesOf } from './attacks/raw.ts'
import { buildTestApi, createTestUser, type TestApi } from './support.ts'

const run = promisify(execFile)
const aws = await startAws(t)
const api = await buildTestApi(t, aws, { env: { MAX_UPLOAD_BYTES: '1000000' } })
const user = await createTestUser(aws)

const EXPECT = ['Expect', '100-continue'] as const
const LATER = 'HTTP/1.1 100 Continue\r\n\r\n'

function open(t: Test, { url }: TestApi): { socket: Socket; until: (text: RegExp) => Promise<string> } {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  let read = ''
  socket.setEncoding('latin1').on('data', chunk => {
    read += chunk
  })
  return {
    socket,
    async until(text) {
      while (!text.test(read)) await once(socket, 'data')
      return read
    },
  }
}

const lengthOf = (bytes: number) => ['Content-Length', String(bytes)] as const
const tus = (length: number) => [
  ['Tus-Resumable', '1.0.0'] as const,
  ['Content-Type', 'application/offset+octet-stream'] as const,
  ['Upload-Offset', '0'] as const,
  lengthOf(length),
]

const TERABYTES = 10 * 1024 ** 4

const refused = [
  ['no token', 401, '/uploads?filename=a', [lengthOf(500_000)]],
  ['a bad token', 401, '/uploads?filename=a', [['Authorization', 'Bearer a.b.c'], lengthOf(500_000)]],
  ['10 TB', 413, '/uploads?filename=a', as(user, lengthOf(TERABYTES))],
  ['10 TB of JSON', 413, '/uploads', as(user, JSON_TYPE, lengthOf(TERABYTES))],
  [
    '10 TB of a form',
    413,
    '/uploads',
    as(user, ['Content-Type', 'multipart/form-data; boundary=x'], lengthOf(TERABYTES)),
  ],
  ['10 TB of a grant', 413, '/uploads/grants', as(user, JSON_TYPE, lengthOf(TERABYTES))],
  ['another type', 415, '/uploads', as(user, ['Content-Type', 'text/csv'], lengthOf(500_000))],
  ['an invalid type', 415, '/uploads?filename=a', as(user, ['Content-Type', 'nonsense'], lengthOf(500_000))],
  ['an invalid name', 400, '/uploads?filename=..%2Fa', as(user, lengthOf(500_000))],
  ['a path that does not exist', 404, '/nothing', as(user, lengthOf(500_000))],
] as const

t.test('a request that the api rejects gets its response before the body is sent', async t => {
  for (const [what, status, path, headers] of refused) {
    const { socket, until } = open(t, api)
    const started = performance.now()
    socket.write(bytesOf({ method: 'POST', path, headers: [...headers, EXPECT, ['Connection', 'keep-alive']] }))
    const answer = await until(/\r\n\r\n/)
    t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), what)
    t.match(answer, /\r\nconnection: close\r\n/i, `${what}: the connection is not used again`)
    t.ok(performance.now() - started < 10_000, `${what}: at once`)
    socket.destroy()
  }
  const patch = open(t, api)
  patch.socket.write(bytesOf({ method: 'PATCH', path: '/uploads/tus/x', headers: as(user, ...tus(TERABYTES), EXPECT) }))
  t.match(await patch.until(/\r\n\r\n/), /^HTTP\/1\.1 413 /, '10 TB by tus')
  t.equal((await user.traces()).records.length, 0)
})

t.test('an acceptable request gets 100 Continue in every upload format', async t => {
  const json = '{"content":"hello"}'
  const form = '--x\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n\r\nhello\r\n--x--\r\n'
  const created = await fetch(`${api.url}/uploads/tus`, {
    method: 'POST',
    headers: { ...user.auth, 'tus-resumable': '1.0.0', 'upload-length': '5' },
  })
  const location = created.headers.get('location') ?? ''
  const cases = [
    ['raw', 'POST', '/uploads?filename=a.txt', as(user, lengthOf(5)), 'hello', 200],
    ['JSON', 'POST', '/uploads', as(user, JSON_TYPE, lengthOf(json.length)), json, 200],
    [
      'a form',
      'POST',
      '/uploads',
      as(user, ['Content-Type', 'multipart/form-data; boundary=x'], lengthOf(form.length)),
      form,
      200,
    ],
    ['tus', 'PATCH', location, as(user, ...tus(5)), 'hello', 204],
  ] as const
  for (const [what, method, path, headers, body, status] of cases) {
    const { socket, until } = open(t, api)
    socket.write(bytesOf({ method, path, headers: [...headers, EXPECT] }))
    t.equal(await until(/\r\n\r\n/), LATER, what)
    socket.write(body)
    const answer = await until(/\r\n\r\n[\s\S]*\r\n\r\n/)
    t.match(answer.slice(LATER.length), new RegExp(`^HTTP/1\\.1 ${status} `), what)
  }
})

t.test('a client that does not wait gets no 100 Continue', async t => {
  const { socket, until } = open(t, api)
  socket.write(
    bytesOf({ method: 'POST', path: '/uploads', headers: as(user, JSON_TYPE, EXPECT), body: '{"content":"x"}' }),
  )
  const answer = await until(/HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n/)
  t.notMatch(answer, /HTTP\/1\.1 100[\s\S]*HTTP\/1\.1 100/)
})

t.test('curl sends a body only if the api accepts its request', async t => {
  const file = join(t.testdir({}), 'file.bin')
  await writeFile(file, Buffer.alloc(500_000, 'a'))
  const curl = async (token: string, ...more: string[]) => {
    const { stdout, stderr } = await run('curl', [
      ...['-sv', '--expect100-timeout', '20', '-H', 'Expect: 100-continue', '-H', 'Content-Type: text/plain'],
      ...['-H', `Authorization: ${token}`, '-T', file, '-X', 'POST', '-o', join(t.testdirName, 'answer')],
      ...['-w', '%{http_code} %{size_upload} %{time_total}', ...more, `${api.url}/uploads?filename=a.txt`],
    ])
    const [status, sent, seconds] = stdout.split(' ').map(Number)
    return { status, sent, isQuick: (seconds ?? 0) < 10, isContinued: stderr.includes('100 Continue') }
  }
  const refusal = { sent: 0, isQuick: true, isContinued: false }
  t.strictSame(await curl('Bearer a.b.c'), { status: 401, ...refusal })
  t.strictSame(await curl(user.auth.authorization), { status: 200, sent: 500_000, isQuick: true, isContinued: true })
  await writeFile(file, Buffer.alloc(2_000_000, 'a'))
  t.strictSame(await curl(user.auth.authorization), { status: 413, ...refusal })
})
