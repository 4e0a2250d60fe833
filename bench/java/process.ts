import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readLines } from '../../services/local/tail.ts'
import { javaArguments, type ProgramName } from './programs.ts'

/** An event that a Java program of this folder wrote as a line of JSON. */
export interface JavaLine {
  readonly type: string
  /** Microseconds since the epoch. */
  readonly atMicros: number
  readonly shardId?: string
  readonly sequenceNumber?: string
  readonly text?: string
  readonly checkpoint?: string
  readonly port?: number
  readonly round?: number
  readonly handled?: number
}

/** The lifetime of a program: a test, or anything else that stops what it has started. */
export interface Lifetime {
  teardown(end: () => unknown): void
}

export interface JavaProcess {
  readonly pid: number
  /** Stops the program gracefully and resolves when it has ended. */
  stop(): Promise<void>
  /** Sends SIGKILL. */
  kill(): Promise<void>
  /** Returns the last lines of its log. */
  tail(): string
  readonly ended: boolean
  readonly exited: Promise<unknown>
}

/** Runs a Java program until the teardown. The program ends when its standard input ends. */
export async function startJava(
  t: Lifetime,
  name: ProgramName,
  { env, onLine }: { env: Record<string, string>; onLine(line: JavaLine): void },
): Promise<JavaProcess> {
  const { PATH = '', HOME = '', JAVA_HOME } = process.env
  const child = spawn('java', await javaArguments(name), {
    env: { PATH, HOME, ...(JAVA_HOME === undefined ? {} : { JAVA_HOME }), ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  readLines(child.stdout, line => onLine(JSON.parse(line) as JavaLine))
  const tail = readLines(child.stderr)
  const exited = once(child, 'close')
  let ended = false
  child.once('close', () => {
    ended = true
  })
  // Ignored: if the program ended early, the test fails because of what the program did not do.
  child.stdin.on('error', () => undefined)
  const kill = async () => {
    child.kill('SIGKILL')
    await exited
  }
  t.teardown(kill)
  return {
    pid: child.pid ?? 0,
    kill,
    tail,
    exited,
    get ended() {
      return ended
    },
    async stop() {
      child.stdin.write('\n')
      const [code] = await exited
      if (code !== 0) throw new Error(`${name} ended with ${code}:\n${tail()}`)
    },
  }
}
