import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { findInstalled, type Installed, type ServerName } from './installed.ts'

/** An emulation of AWS that was written independently of this repository, running on this machine. */
export interface SecondAws extends Installed {
  readonly name: ServerName
  /** The endpoint of every service. */
  readonly url: string
  readonly pid: number
  /** The folder of the server's files, which is removed with the server. */
  readonly folder: string
  /** Returns the log of the server. */
  log(): string
}

export interface MinistackSettings {
  /**
   * True to verify signatures and enforce IAM policies. Every request counts as a request over TLS.
   * @default false
   */
  auth?: boolean
  /** Additional variables for the server, and for the Lambda functions that it starts. */
  env?: Readonly<Record<string, string>>
  /** A command that starts the server. It gets the server's own command line as arguments, and must `exec` it. */
  through?: readonly string[]
}

type Scope = Pick<Test, 'teardown'>

const launcher = path.join(import.meta.dirname, 'launch.py')
/** Importing a server takes a second, and longer on a loaded machine. */
const START_TIMEOUT_MS = 180_000
/** Another program may take a free port before the server listens. */
const TRIES = 3

/** Starts ministack at a free port of 127.0.0.1, for as long as the test. @throws NotInstalledError */
export async function startMinistack(
  t: Scope,
  { auth = false, env = {}, through = [] }: MinistackSettings = {},
): Promise<SecondAws> {
  for (let tries = 1; ; tries++) {
    // Not 0: ministack tells its Lambda functions the port by this variable.
    const port = await freePort()
    try {
      return await start(t, 'ministack', {
        args: [],
        through,
        env: {
          ...env,
          BIND_HOST: '127.0.0.1',
          GATEWAY_PORT: String(port),
          // Both listen on ports of their own, on every interface.
          IOT_MTLS_ENABLED: '0',
          SFTP_ENABLED: '0',
          ...(auth && { AUTH: 'true', HEADGATE_TLS_IN_FRONT: 'true' }),
        },
      })
    } catch (error) {
      if (tries === TRIES || !/already in use/i.test(String(error))) throw error
    }
  }
}

/** Starts moto at a free port of 127.0.0.1, for as long as the test. @throws NotInstalledError */
export function startMoto(t: Scope): Promise<SecondAws> {
  return start(t, 'moto', { args: ['-H', '127.0.0.1', '-p', '0'], through: [], env: {} })
}

/** Starts a server with its default settings. */
export function startSecondAws(t: Scope, name: ServerName): Promise<SecondAws> {
  return name === 'moto' ? startMoto(t) : startMinistack(t)
}

interface Start {
  args: readonly string[]
  through: readonly string[]
  env: Readonly<Record<string, string>>
}

async function start(t: Scope, name: ServerName, { args, through, env }: Start): Promise<SecondAws> {
  const installed = findInstalled(name)
  const folder = mkdtempSync(path.join(tmpdir(), `headgate-${name}-`))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [command = '', ...rest] = [...through, installed.python, launcher, name, ...args]
  const child = spawn(command, rest, {
    cwd: folder,
    // Its own process group, so that everything that the server starts ends with it.
    detached: true,
    env: { ...inherited(), PYTHONUNBUFFERED: '1', TMPDIR: folder, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  t.teardown(() => end(child))
  const log: string[] = []
  const listening = readLines(child, log)
  const late = AbortSignal.timeout(START_TIMEOUT_MS)
  const url = await Promise.race([listening, once(late, 'abort').then(() => undefined)])
  if (url === undefined) throw new Error(`${name} does not listen. Its log:\n${log.slice(-30).join('\n')}`)
  return { ...installed, name, url, pid: child.pid ?? 0, folder, log: () => log.join('\n') }
}

/** Records every line. Resolves to the URL once the server listens, and to undefined if the server ends before. */
function readLines(child: ChildProcess, log: string[]): Promise<string | undefined> {
  return new Promise(resolve => {
    child.once('error', error => {
      log.push(String(error))
      resolve(undefined)
    })
    child.once('close', () => resolve(undefined))
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue
      createInterface(stream).on('line', line => {
        log.push(line)
        // Hypercorn and Werkzeug, on which the servers are built, both print this when they listen.
        const url = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1]
        if (url !== undefined) resolve(url)
      })
    }
  })
}

/** Ends the server by closing its stdin, as the end of the test would, and kills the rest of its process group. */
async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return
  const isRunning = child.exitCode === null && child.signalCode === null
  const closed = isRunning ? once(child, 'close') : undefined
  // A server that has just ended has closed the other end.
  child.stdin?.on('error', () => undefined).end()
  const kill = setTimeout(() => killGroup(child.pid ?? 0), 5_000)
  await closed
  clearTimeout(kill)
  killGroup(child.pid)
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch (error) {
    // The process group is empty.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Returns the environment without the variables of the test runner and of the developer's AWS account. */
function inherited(): NodeJS.ProcessEnv {
  const own = /^(?:AWS_|TAP|_TAPJS|NODE_OPTIONS$|NODE_V8_COVERAGE$)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)))
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
