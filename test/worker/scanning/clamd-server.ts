import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Test } from 'tap'
import type { ClamdAddress } from '../../../services/platform/config/scanner.ts'
import { ClamdConnection } from '../../../services/worker/scanning/clamd-connection.ts'
import { runProgram } from '../../support/processes.ts'

/** The EICAR test file, which every scanner finds. In two parts, so that no scanner takes the source of the tests for the file. */
export const EICAR = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$', 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('')

/** The signature that the tests give clamd. clamd appends UNOFFICIAL to signatures that ClamAV did not sign. */
export const EICAR_NAME = 'Headgate.Test.EICAR.UNOFFICIAL'

const executable = ['/usr/sbin/clamd', '/usr/local/sbin/clamd', '/opt/homebrew/sbin/clamd'].find(file =>
  existsSync(file),
)

/** The reason to skip tests with clamd, or false. */
export const withoutClamd = executable === undefined && 'clamd is not installed (apt-get install clamav-daemon)'

/** A clamd that knows only the EICAR test file. */
export interface ClamdServer {
  tcp: ClamdAddress & { port: number }
  socket: ClamdAddress
  url: string
  stop(): Promise<void>
}

/**
 * Starts a real clamd, until the test ends.
 *
 * @param settings further lines of clamd.conf
 */
export async function startClamd(t: Pick<Test, 'teardown'>, settings: readonly string[] = []): Promise<ClamdServer> {
  const dir = await mkdtemp(path.join(tmpdir(), 'headgate-clamd-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const port = await freePort()
  const socket = { path: path.join(dir, 'clamd.sock') }
  const lines = [
    `DatabaseDirectory ${dir}`,
    `LocalSocket ${socket.path}`,
    `TCPSocket ${port}`,
    'TCPAddr 127.0.0.1',
    'Foreground yes',
    ...settings,
  ]
  const hex = Buffer.from(EICAR).toString('hex')
  await writeFile(path.join(dir, 'eicar.ndb'), `Headgate.Test.EICAR:0:0:${hex}\n`)
  await writeFile(path.join(dir, 'clamd.conf'), `${lines.join('\n')}\n`)
  const program = runProgram(t, ['-c', path.join(dir, 'clamd.conf')], { executable: executable ?? 'clamd' })
  const tcp = { host: '127.0.0.1', port }
  await untilReady(tcp, () => program.child.exitCode, program.stderr)
  return {
    tcp,
    socket,
    url: `tcp://127.0.0.1:${port}`,
    async stop() {
      program.child.kill('SIGKILL')
      await program.ended
    },
  }
}

async function untilReady(address: ClamdAddress, exitCode: () => number | null, stderr: () => string): Promise<void> {
  const until = performance.now() + 60_000
  while (true) {
    const connection = new ClamdConnection({ address, timeoutMs: 5_000, signal: AbortSignal.timeout(5_000) })
    const isReady = connection.write(Buffer.from('zPING\0')).then(() => connection.reply)
    if ((await isReady.catch(() => undefined)) === 'PONG') return
    if (exitCode() !== null || performance.now() > until) throw new Error(`clamd did not start: ${stderr()}`)
    // clamd has no event for being ready.
    await wait(50)
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  const { port } = await listen(server)
  await new Promise(resolve => server.close(resolve))
  return port
}

async function listen(server: Server): Promise<{ port: number }> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('The server has no port.')
  return address
}

/** A server that speaks the protocol of clamd as a test decides. */
export interface ClamdDouble {
  address: ClamdAddress
  url: string
  /** Connections that were made. */
  connections(): number
  /** The largest number of connections that were open at a time. */
  maxOpen(): number
  /** The bytes of each file that arrived completely. */
  files: Buffer[]
  /** Decides what is done with each connection. */
  behave(how: Behavior): void
  stop(): Promise<void>
}

/** `reply` is sent once the file has arrived. `onConnection` does anything else, and then no reply is sent. */
export type Behavior =
  | { reply: (file: Buffer) => string | Promise<string> }
  | { onConnection: (socket: Socket) => void }

export const clean: Behavior = { reply: file => (file.includes('EICAR') ? 'stream: Double.EICAR FOUND' : 'stream: OK') }

/** Starts a server that behaves as clamd, and as a broken clamd when a test asks for that. */
export async function startClamdDouble(t: Pick<Test, 'teardown'>): Promise<ClamdDouble> {
  let how: Behavior = clean
  let connections = 0
  let maxOpen = 0
  const open = new Set<Socket>()
  const files: Buffer[] = []
  const server = createServer(socket => {
    connections++
    open.add(socket)
    maxOpen = Math.max(maxOpen, open.size)
    socket.on('close', () => open.delete(socket)).on('error', () => socket.destroy())
    if ('onConnection' in how) how.onConnection(socket)
    // The scanner closes the connection of a scan that it gives up.
    else serve(socket, how.reply, files).catch(() => socket.destroy())
  })
  const { port } = await listen(server)
  const stop = async () => {
    const closed = new Promise(resolve => server.close(resolve))
    for (const socket of open) socket.destroy()
    await closed
  }
  t.teardown(() => (server.listening ? stop() : undefined))
  return {
    address: { host: '127.0.0.1', port },
    url: `tcp://127.0.0.1:${port}`,
    connections: () => connections,
    maxOpen: () => maxOpen,
    files,
    behave(next) {
      how = next
    },
    stop,
  }
}

const COMMAND = 'zINSTREAM\0'

async function serve(
  socket: Socket,
  reply: (file: Buffer) => string | Promise<string>,
  files: Buffer[],
): Promise<void> {
  let received = Buffer.alloc(0)
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    received = Buffer.concat([received, chunk])
    if (received.toString('latin1') === 'zPING\0') {
      socket.end('PONG\0')
      return
    }
    const file = fileOf(received)
    if (!file) continue
    files.push(file)
    socket.end(`${await reply(file)}\0`)
    return
  }
}

/** Returns the file once all chunks have arrived. */
function fileOf(received: Buffer): Buffer | undefined {
  const parts: Buffer[] = []
  for (let at = COMMAND.length; at + 4 <= received.length; ) {
    const length = received.readUInt32BE(at)
    if (length === 0) return Buffer.concat(parts)
    if (at + 4 + length > received.length) return undefined
    parts.push(received.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  return undefined
}
