import { execFileSync } from 'node:child_process'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { commandOf, descendants, isAlive, type Program, runProgram, until } from '../support/processes.ts'

const start = path.resolve(import.meta.dirname, '../../services/local/start.ts')

interface Started extends Program {
  /** Its folder for temporary files. */
  readonly tmp: string
}

/** What `npm start` runs, in a process group of its own, as a terminal gives it. */
export function startPipeline(t: Test, args: readonly string[], env: Record<string, string> = {}): Started {
  return run(t, [start, ...args], env)
}

/** `npm start` itself: npm, a shell, and the command. */
export function startByNpm(t: Test, args: readonly string[]): Started {
  const npm = process.env.npm_execpath ?? execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim()
  return run(t, [realpathSync(npm), 'start', '--', ...args])
}

function run(t: Test, args: readonly string[], env: Record<string, string> = {}): Started {
  // Where it fails it leaves its logs there.
  const tmp = mkdtempSync(path.join(tmpdir(), 'headgate-test-'))
  t.teardown(() => rmSync(tmp, { recursive: true, force: true }))
  const program = runProgram(t, args, { detached: true, env: { TMPDIR: tmp, ...env } })
  t.teardown(async () => {
    for (const pid of descendants(program.pid)) kill(pid)
  })
  return { ...program, tmp }
}

/** A worker has processes below it that transform, as many as there is work. */
const isPipeline = (pids: readonly number[]) =>
  pids.length - named(pids, 'transform-process').length === 5 && named(pids, 'worker/worker.ts').length === 2

/** Resolves once everything is up and shown to work, to the processes it is made of. */
export async function untilUp(t: Test, program: Program, { isWhole = isPipeline } = {}): Promise<number[]> {
  await until(() => program.stdout().includes('Ctrl-C stops everything') || program.child.exitCode !== null, {
    timeoutMs: 60_000,
    what: 'npm start',
  })
  const children = descendants(program.pid)
  t.teardown(() => {
    for (const pid of children) kill(pid)
  })
  t.ok(isWhole(children), `S3, Kinesis, the api and two workers: ${children.map(commandOf).join('; ')}`)
  return children
}

/** Those of the processes that run this file. */
export const named = (pids: readonly number[], file: string) => pids.filter(pid => commandOf(pid).includes(file))
export const gone = (pids: readonly number[]) =>
  until(() => !pids.some(isAlive), { timeoutMs: 20_000, what: 'the end of every process' })

function kill(pid: number): void {
  if (isAlive(pid)) process.kill(pid, 'SIGKILL')
}
