import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readLines } from '../../services/local/tail.ts'
import { javaArguments, type ProgramName } from './programs.ts'

/** A line that a Java program of this folder wrote: what happened, and to what. */
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

/** What a program lives for: a test, or whatever else tears down what it has started. */
export interface Lifetime {
  teardown(end: () => unknown): void
}

export interface JavaProcess {
  readonly pid: number
  /** Asks for a graceful end and resolves when it has come. */
  stop(): Promise<void>
  /** SIGKILL. */
  kill(): Promise<void>
  /** The last that it wrote as its log. */
  tail(): string
  readonly ended: boolean
  readonly exited: Promise<unknown>
}

/** Runs a Java program until it is torn down; its standard input is what keeps it alive. */
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
  // A program that has ended before it was told to shows by what it did not do.
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
