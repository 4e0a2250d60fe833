import { type ChildProcess, fork } from 'node:child_process'
import { EmbeddedAwsError } from '../errors.ts'
import { sibling } from '../sibling.ts'
import { readLines } from '../tail.ts'
import { type FromServer, STOP, variables } from './child-messages.ts'
import type { EmbeddedServer, ServerSettings } from './server.ts'

export interface ChildServerSettings extends ServerSettings {
  /** Called when the server ends by itself after its start. */
  onFailure(error: Error): void
  startTimeoutMs?: number
  stopTimeoutMs?: number
}

export interface ChildServer extends EmbeddedServer {
  readonly pid: number | undefined
}

interface Program {
  /** The name in messages, such as `Kinesis`. */
  title: string
  /** The module beside this one, without its extension. */
  file: string
  env: NodeJS.ProcessEnv
}

/**
 * Starts a server in its own process, which ends when this process ends, in whatever way: see child-life.ts.
 *
 * @throws the system's error if the port is in use; EmbeddedAwsError if the process ends or does not listen in time
 */
export async function startChildServer(
  { title, file, env }: Program,
  { host, port: wanted, dataDir, onFailure, startTimeoutMs, stopTimeoutMs = 12_000 }: ChildServerSettings,
): Promise<ChildServer> {
  const child = fork(sibling(import.meta, file), {
    env: {
      ...env,
      NODE_OPTIONS: '',
      [variables.host]: host,
      [variables.port]: String(wanted),
      [variables.dataDir]: dataDir,
    },
    // The Node options of this process may be meant for its own program only.
    execArgv: [],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const outputs = [readLines(child.stdout), readLines(child.stderr)]
  const failed = (what: string) =>
    new EmbeddedAwsError(`The embedded ${title} ${what}.\n${outputs.map(output => output()).join('\n')}`.trim())
  const exited = new Promise(resolve => {
    child.once('exit', resolve)
    // The process was never started.
    child.once('error', () => child.pid === undefined && resolve(undefined))
  })
  let stopping = false
  const port = await listening(child, { failed, ...(startTimeoutMs === undefined ? {} : { startTimeoutMs }) }).catch(
    async error => {
      child.kill('SIGKILL')
      await exited
      throw error
    },
  )
  // Ignored: an error of a running child means that a signal or a message did not reach it. Its exit is handled below.
  child.on('error', () => undefined)
  child.once('exit', (code, signal) => {
    if (!stopping) onFailure(failed(ended(code, signal)))
  })

  return {
    port,
    pid: child.pid,
    async stop() {
      stopping = true
      if (child.exitCode !== null || child.signalCode !== null) return
      const kill = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
      // A child that has just ended does not receive the message. Its exit is awaited below.
      child.send(STOP, () => undefined)
      await exited
      clearTimeout(kill)
    },
  }
}

interface Start {
  failed(what: string): Error
  startTimeoutMs?: number
}

/** Resolves to the port once the server listens. */
function listening(child: ChildProcess, { failed, startTimeoutMs = 30_000 }: Start): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => settle(() => reject(failed(`did not listen within ${startTimeoutMs} ms`))),
      startTimeoutMs,
    )
    const onMessage = (message: unknown) => {
      const answer = message as FromServer
      if (answer.type === 'listening') settle(() => resolve(answer.port))
      else settle(() => reject(Object.assign(new Error(answer.message), { code: answer.code })))
    }
    const onExit = (code: number | null, signal: string | null) => settle(() => reject(failed(ended(code, signal))))
    const onError = (error: Error) => settle(() => reject(error))
    function settle(act: () => void): void {
      clearTimeout(timer)
      child.off('message', onMessage).off('exit', onExit).off('error', onError)
      act()
    }
    child.on('message', onMessage).on('exit', onExit).on('error', onError)
  })
}

function ended(code: number | null, signal: string | null): string {
  return `ended by itself (${signal ?? `exit code ${code}`})`
}
