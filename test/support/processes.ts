import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import { BUNDLED_PACKAGES } from './packages/bundle-packages.ts'

/** A program that a test runs, and its output. */
export interface Program {
  readonly child: ChildProcess
  readonly pid: number
  stdout(): string
  stderr(): string
  /** Resolves when the program has ended and all its output has been read. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

export interface ProgramSettings extends Pick<SpawnOptions, 'cwd' | 'detached'> {
  env?: Record<string, string>
  /** The Node to run. @default the one that runs the test */
  executable?: string
  /** Ends the program also when the test itself is killed, after which no teardown runs. @default false */
  endsWithTest?: boolean
}

const endWithParent = pathToFileURL(path.resolve(import.meta.dirname, '../../services/local/pipeline/child-preload.ts'))

/** Runs a file with the current Node binary for the duration of the test. */
export function runProgram(
  t: Pick<Test, 'teardown'>,
  args: readonly string[],
  { env = {}, executable = process.execPath, endsWithTest = false, ...options }: ProgramSettings = {},
): Program {
  const preload = endsWithTest ? ['--import', endWithParent.href] : []
  const child = spawn(executable, [...preload, ...args], {
    ...options,
    env: cleanEnv(env),
    // The preload ends the program when its channel to the test is closed.
    stdio: ['ignore', 'pipe', 'pipe', ...(endsWithTest ? (['ipc'] as const) : [])],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', text => {
    output.stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', text => {
    output.stderr += text
  })
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }))
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { child, pid: child.pid ?? 0, ended, stdout: () => output.stdout, stderr: () => output.stderr }
}

/**
 * Resolves when the condition holds. It polls, because there are no events for what another process does.
 *
 * @throws Error after the timeout
 */
export async function until(condition: () => boolean, { timeoutMs = 15_000, what = 'the condition' } = {}) {
  const deadline = performance.now() + timeoutMs
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Timed out after ${timeoutMs} ms waiting for: ${what}`)
    await wait(20)
  }
}

export function isAlive(pid: number | undefined): boolean {
  if (pid === undefined) return false
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  // A zombie process has ended, but is still in the process table.
  return process.platform !== 'linux' || !/^State:\s+Z/m.test(readProc(pid, 'status'))
}

/** Returns all descendants of a process. Needs /proc. */
export function descendants(pid: number): number[] {
  const parents = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    // The state and the parent follow the name, which may contain any character. To read this file is cheap.
    .map(name => ({ pid: Number(name), parent: Number(/\) \S (\d+) [^)]*$/.exec(readProc(name, 'stat'))?.[1]) }))
  const below = (root: number): number[] =>
    parents.filter(({ parent }) => parent === root).flatMap(({ pid }) => [pid, ...below(pid)])
  return below(pid)
}

/** Returns the command line of a process. Needs /proc. */
export function commandOf(pid: number): string {
  return readProc(pid, 'cmdline').replaceAll('\0', ' ')
}

/** Returns an empty string if the process has ended. */
function readProc(pid: number | string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

/** Returns the environment without the variables of the test runner, with which every program would report to it. */
function cleanEnv(env: Record<string, string>): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: options, NODE_V8_COVERAGE: _coverage, ...inherited } = process.env
  const kept = Object.entries(inherited).filter(([name]) => !name.startsWith('TAP') && !name.startsWith('_TAPJS'))
  // `npm start` writes a profile, which must not replace that of the developer.
  // The options are those of the developer, or load the bundled packages.
  const bundles = options !== undefined && BUNDLED_PACKAGES in process.env ? { NODE_OPTIONS: options } : {}
  return { ...Object.fromEntries(kept), ...bundles, HEADGATE_CONFIG_DIR: testConfigDir, ...env }
}

const testConfigDir = path.resolve(import.meta.dirname, '../../.tap/headgate-config')
