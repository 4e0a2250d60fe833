import { fork } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { sibling } from '../sibling.ts'
import { readLines, type Tail } from '../tail.ts'

export interface ChildSettings {
  /** The name in messages, such as `api` or `worker 1`. */
  name: string
  /** The path of the program. */
  entry: string
  env: NodeJS.ProcessEnv
  /** Called with every line that the child writes. */
  onLine(line: string): void
  /** Called with every message that the child sends. */
  onMessage?: ((message: unknown) => void) | undefined
  /** Called when the child ends without being stopped. */
  onDeath(death: ChildDeath): void
}

export interface ChildDeath {
  name: string
  /** Such as `exit code 1` or `SIGKILL`, or why the child could not be started. */
  how: string
  /** The last lines of stderr, or of stdout if stderr is empty. */
  lastLines: string
  /** True if it could not start: it exited without a line in its log, and wrote the reason to stderr. */
  isStartFailure: boolean
}

export interface Child {
  readonly name: string
  readonly pid: number | undefined
  /** Sends SIGTERM, and SIGKILL after the timeout. Resolves to how the child ended. */
  stop(timeoutMs: number): Promise<string>
  /** Sends SIGKILL if the child still runs. */
  kill(): void
}

/** A child that can be sent messages. */
export interface StartedChild extends Child {
  /** Sends a message, unless the child has ended. */
  send(message: object): void
}

/** Starts a program of this repository with the current Node binary, as a child that ends when this process ends. */
export function startChild({ name, entry, env, onLine, onMessage, onDeath }: ChildSettings): StartedChild {
  const child = fork(entry, [], {
    env,
    execArgv: ['--import', pathToFileURL(sibling(import.meta, 'child-preload')).href],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // In its own process group: Ctrl-C reaches only the parent, which stops its children in order.
    detached: true,
  })
  const outputs = { stdout: readLines(child.stdout, onLine), stderr: readLines(child.stderr, onLine) }
  if (onMessage) child.on('message', onMessage)
  let stopping = false
  let how: string | undefined
  const ended = new Promise<string>(resolve => {
    const settle = (text: string) => {
      how ??= text
      resolve(how)
    }
    // A running child emits errors too, for example when it cannot be sent a signal. They do not mean that it ended:
    // 'close' does.
    child.on('error', error => {
      if (child.pid === undefined) settle(error.message)
    })
    // 'close' instead of 'exit': by then the last output has been read.
    child.once('close', (code, signal) => settle(signal ?? `exit code ${code}`))
  })
  void ended.then(text => {
    if (stopping) return
    const isStartFailure = child.signalCode === null && outputs.stdout() === '' && outputs.stderr() !== ''
    onDeath({ name, how: text, lastLines: lastLines(outputs), isStartFailure })
  })

  return {
    name,
    pid: child.pid,
    // If the child ends before it reads the message, its death is reported.
    send: message => void child.send(message, () => undefined),
    kill() {
      stopping = true
      child.kill('SIGKILL')
    },
    async stop(timeoutMs) {
      stopping = true
      if (how !== undefined) return how
      const kill = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
      child.kill('SIGTERM')
      const text = await ended
      clearTimeout(kill)
      return text
    },
  }
}

function lastLines({ stdout, stderr }: { stdout: Tail; stderr: Tail }): string {
  return stderr() === '' ? stdout() : stderr()
}
