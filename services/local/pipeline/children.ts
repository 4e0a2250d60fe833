import { fork } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { sibling } from '../sibling.ts'
import { readLines, type Tail } from '../tail.ts'

export interface ChildSettings {
  /** As people call it: `api`, `worker 1`. */
  name: string
  /** The file of its program. */
  entry: string
  env: NodeJS.ProcessEnv
  /** Gets every line that it writes. */
  onLine(line: string): void
  /** It ended, and nobody had asked it to. */
  onDeath(death: ChildDeath): void
}

export interface ChildDeath {
  name: string
  /** `exit code 1`, `SIGKILL`, or why it could not be started. */
  how: string
  /** What it last wrote to stderr, or to stdout where it wrote nothing there. */
  lastLines: string
  /** True if it could not start: it exited without a line in its log, and wrote the reason to stderr. */
  isStartFailure: boolean
}

export interface Child {
  readonly name: string
  readonly pid: number | undefined
  /** SIGTERM, and SIGKILL when it takes longer than the bound. Resolves to how it ended, when it has. */
  stop(timeoutMs: number): Promise<string>
  /** SIGKILL, where it still runs. */
  kill(): void
}

/** Starts a program of ours on this Node, as a child that ends when this process does. */
export function startChild({ name, entry, env, onLine, onDeath }: ChildSettings): Child {
  const child = fork(entry, [], {
    env,
    execArgv: ['--import', pathToFileURL(sibling(import.meta, 'child-preload')).href],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // A process group of its own: Ctrl-C is for the parent, which stops its children in order.
    detached: true,
  })
  const outputs = { stdout: readLines(child.stdout, onLine), stderr: readLines(child.stderr, onLine) }
  let stopping = false
  let how: string | undefined
  const ended = new Promise<string>(resolve => {
    const settle = (text: string) => {
      how ??= text
      resolve(how)
    }
    // A running child has errors too, such as a signal that does not reach it. They are no end: 'close' is.
    child.on('error', error => {
      if (child.pid === undefined) settle(error.message)
    })
    // 'close' and not 'exit': what it wrote last is read by then, and it is what is wanted when it dies.
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
