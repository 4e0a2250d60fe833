import { execFileSync } from 'node:child_process'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { commandOf, descendants, isAlive, type Program, runProgram, until } from '../support/processes.ts'

const start = path.resolve(import.meta.dirname, '../../services/local/start.ts')

interface Started extends Program {
  /** The process's folder for temporary files. */
  readonly tmp: string
}

/** Runs the program of `npm start` in its own process group, as a terminal does. */
export function startPipeline(t: Test, args: readonly string[], env: Record<string, string> = {}): Started {
  return run(t, [start, ...args], env)
}

/** Runs `npm start` itself: npm, a shell, and the program. */
export function startByNpm(t: Test, args: readonly string[]): Started {
  const npm = process.env.npm_execpath ?? execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim()
  return run(t, [realpathSync(npm), 'start', '--', ...args])
}

function run(t: Test, args: readonly string[], env: Record<string, string> = {}): Started {
  // After a failure, the logs stay in this folder.
  const tmp = mkdtempSync(path.join(tmpdir(), 'headgate-test-'))
  t.teardown(() => rmSync(tmp, { recursive: true, force: true }))
  const program = runProgram(t, args, { detached: true, env: { TMPDIR: tmp, ...env } })
  t.teardown(async () => {
    for (const pid of descendants(program.pid)) kill(pid)
  })
  return { ...program, tmp }
}

/** A worker has child processes for transforms, as many as it needs at the moment. */
const isPipeline = (pids: readonly number[]) =>
  pids.length - named(pids, 'transform-process').length === 6 && named(pids, 'worker/worker.ts').length === 2

/** Resolves to the processes of the pipeline once the first upload was processed. */
export async function untilUp(t: Test, program: Program, { isWhole = isPipeline } = {}): Promise<number[]> {
  await until(() => program.stdout().includes('Ctrl-C stops everything') || program.child.exitCode !== null, {
    timeoutMs: 60_000,
    what: 'npm start',
  })
  const children = descendants(program.pid)
  t.teardown(() => {
    for (const pid of children) kill(pid)
  })
  t.ok(isWhole(children), `S3, Kinesis, the api, two workers and the console: ${children.map(commandOf).join('; ')}`)
  return children
}

/** Returns the processes that run this file. */
export const named = (pids: readonly number[], file: string) => pids.filter(pid => commandOf(pid).includes(file))
export const gone = (pids: readonly number[]) =>
  until(() => !pids.some(isAlive), { timeoutMs: 20_000, what: 'the end of every process' })

function kill(pid: number): void {
  if (isAlive(pid)) process.kill(pid, 'SIGKILL')
}
