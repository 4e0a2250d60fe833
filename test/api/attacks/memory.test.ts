import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { startAws } from '../../support/aws.ts'
import { form } from '../form.ts'
import { ask, createTestUser, type TestUser } from '../support.ts'
import { tusClient } from '../tus/client.ts'
import { type ApiProcess, startApi } from '../tus/server.ts'

const MIB = 1024 ** 2
const PART_BYTES = 8 * MIB

/** The minimum of the configuration: the first buffers of uploads, and three parts. */
const MIN_MEMORY = 32 * MIB
/** Half of the default memory. */
const MORE_MEMORY = 128 * MIB

/** Bytes per second of an attacker's connection, just over the default of MIN_BODY_BYTES_PER_SECOND. */
const TRICKLE = 1_100

/** Maximum time of an innocent upload on a busy machine, in milliseconds. On an idle machine it takes one or two seconds. */
const PROMPTLY_MS = 20_000

/** Memory of a connection outside the limit: 128 KiB before an upload counts as large, stream buffers, and garbage. */
const CONNECTION_BYTES = 512 * 1024

const aws = await startAws(t)

type Format = 'raw' | 'form' | 'tus'

/** Returns the head of a request for a large file, with the bytes before the file. */
async function opening(api: ApiProcess, { auth }: TestUser, format: Format): Promise<string> {
  const lines = ['Host: a', `Authorization: ${auth.authorization}`]
  if (format === 'raw') return ['POST /uploads?filename=a HTTP/1.1', ...lines, 'Content-Length: 900000000'].join('\r\n')
  if (format === 'form') {
    const type = 'Content-Type: multipart/form-data; boundary=b'
    const file = '--b\r\nContent-Disposition: form-data; name="file"; filename="a"'
    const head = ['POST /uploads HTTP/1.1', ...lines, type, 'Content-Length: 900000000'].join('\r\n')
    return `${head}\r\n\r\n${file}`
  }
  const url = await tusClient(api, { auth }).begin(900_000_000)
  const tus = ['Tus-Resumable: 1.0.0', 'Upload-Offset: 0', 'Content-Type: application/offset+octet-stream']
  return [`PATCH ${url} HTTP/1.1`, ...lines, ...tus, 'Content-Length: 900000000'].join('\r\n')
}

/** Opens connections that send `burst` bytes of a file at once, then trickle, and reconnect when the server closes them. */
function attack(
  t: Test,
  api: ApiProcess,
  users: readonly TestUser[],
  { each, burst }: { each: number; burst: number },
) {
  const { hostname, port } = new URL(api.url)
  const formats: Format[] = ['raw', 'form', 'tus']
  const open = new Set<Socket>()
  let isOver = false
  const first = Buffer.alloc(burst, 1)
  const drop = Buffer.alloc(Math.ceil(TRICKLE / 4), 1)

  async function connection(user: TestUser, format: Format): Promise<void> {
    while (!isOver) {
      // An attacker whose upload can not be started tries again.
      const head = await opening(api, user, format).catch(() => undefined)
      if (head === undefined) continue
      // Nobody would close a connection that is opened after the attack has been stopped.
      if (isOver) return
      const socket = connect(Number(port), hostname)
      open.add(socket)
      socket.on('error', () => socket.destroy())
      // After a response the server would discard further bytes.
      socket.on('data', () => socket.destroy())
      socket.write(`${head}\r\n\r\n`)
      socket.write(first)
      const timer = setInterval(() => socket.writableLength === 0 && socket.write(drop), 250)
      await new Promise<void>(resolve => socket.once('close', () => resolve()))
      clearInterval(timer)
      open.delete(socket)
    }
  }

  const all = users.flatMap(user =>
    Array.from({ length: each }, (_, n) => connection(user, formats[n % formats.length] ?? 'raw')),
  )
  const stop = async () => {
    isOver = true
    for (const socket of open) socket.destroy()
    await Promise.allSettled(all)
  }
  t.teardown(stop)
  return { stop }
}

/** Returns the resident memory of the api. */
function residentBytes({ child }: ApiProcess): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(child.pid)])) * 1024
}

const innocents: Record<Format, (api: ApiProcess, user: TestUser, bytes: Buffer) => Promise<number>> = {
  raw: async (api, { auth }, body) =>
    (await ask(`${api.url}/uploads?filename=b`, { method: 'POST', headers: auth, body })).status,
  form: async (api, { auth }, bytes) => {
    const { body, headers } = form([{ name: 'file', filename: 'b', type: 'a/b', value: bytes }])
    return (await ask(`${api.url}/uploads`, { method: 'POST', headers: { ...auth, ...headers }, body })).status
  },
  tus: async (api, user, bytes) => {
    const client = tusClient(api, user)
    return (await client.patch(await client.begin(bytes.length), 0, bytes)).status
  },
}

const attacks = [
  {
    name: 'two accounts that send a little and then trickle',
    accounts: 2,
    each: 32,
    burst: 300_000,
    memory: MIN_MEMORY,
  },
  {
    name: 'two accounts that fill a part but for a byte',
    accounts: 2,
    each: 8,
    burst: PART_BYTES - 1,
    memory: MIN_MEMORY,
  },
  { name: 'ten accounts that fill half a part', accounts: 10, each: 6, burst: PART_BYTES / 2, memory: MIN_MEMORY },
  {
    name: 'a hundred accounts that grow out of their first room',
    accounts: 100,
    each: 2,
    burst: 600_000,
    memory: MORE_MEMORY,
  },
]

for (const { name, accounts, each, burst, memory } of attacks) {
  t.test(`${name} do not delay other uploads`, { timeout: 300_000 }, async t => {
    const api = await startApi(t, aws, { UPLOAD_MEMORY_BYTES: String(memory) })
    const users: TestUser[] = []
    while (users.length < accounts) {
      const some = Math.min(4, accounts - users.length)
      users.push(...(await Promise.all(Array.from({ length: some }, () => createTestUser(aws)))))
    }
    const innocent = await createTestUser(aws)
    for (const format of Object.values(innocents)) await format(api, innocent, Buffer.alloc(20 * MIB))
    const before = residentBytes(api)
    const { stop } = attack(t, api, users, { each, burst })
    // Time for the attackers to get as much memory as they can.
    await new Promise(resolve => setTimeout(resolve, 1_500))
    let max = 0
    for (const size of [MIB, 20 * MIB]) {
      const bytes = randomBytes(size)
      for (const format of ['raw', 'form', 'tus'] as const) {
        const started = performance.now()
        const status = await innocents[format](api, innocent, bytes)
        const took = Math.round(performance.now() - started)
        t.equal(status, format === 'tus' ? 204 : 200, `${size / MIB} MiB, ${format}: after ${took} ms`)
        t.ok(took < PROMPTLY_MS, `${size / MIB} MiB, ${format}: ${took} ms are prompt`)
        max = Math.max(max, residentBytes(api))
      }
    }
    const grown = Math.round((max - before) / MIB)
    t.ok(max - before < memory + 64 * MIB + accounts * each * CONNECTION_BYTES, `the process grew by ${grown} MiB`)
    await stop()
    t.equal((await innocent.traces()).objects.length, 9)
    for (const user of users.slice(0, 10)) {
      const { records } = await user.traces()
      t.ok(
        records.every(({ status }) => status === 'pending'),
        'no attacker has an upload that is whole',
      )
    }
    t.notMatch(api.stdout(), /"level":"(?:error|fatal)"/, 'it is not our error')
  })
}
