import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readLines } from '../../services/local/tail.ts'
import { BenchError } from './errors.ts'

/** A program with its arguments. */
export interface Command {
  file: string
  args: readonly string[]
}

export interface CommandSettings {
  name: string
  /** Its whole environment. */
  env: NodeJS.ProcessEnv
  /** In milliseconds. */
  timeoutMs: number
}

export interface CommandCost {
  /** From the start to the end of the program. */
  seconds: number
  /** User and system time of the program and its child processes. */
  cpuSeconds: number
}

/** Some shells count CPU time in steps. A program that ends within the first step counts as one. */
const STEP_SECONDS = 0.01

/** Runs a program and then prints the CPU time of the ended child processes of the shell. `times` is part of every POSIX shell. */
const SCRIPT = '"$@"; code=$?; times >&3; exit "$code"'

/**
 * Runs a program to its end, and discards its output.
 *
 * @throws BenchError if the program fails or does not end in time
 */
export async function timeCommand({ file, args }: Command, settings: CommandSettings): Promise<CommandCost> {
  const { name, env, timeoutMs } = settings
  const started = performance.now()
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'sh', file, ...args], {
    // Bash would print the times with the decimal separator of the language.
    env: { ...env, LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    // In its own process group, so that a timeout ends the program with the shell.
    detached: true,
  })
  const kill = () => {
    const runs = shell.exitCode === null && shell.signalCode === null
    if (shell.pid !== undefined && runs) process.kill(-shell.pid, 'SIGKILL')
  }
  const timer = setTimeout(kill, timeoutMs)
  process.once('exit', kill)
  let seconds = 0
  shell.once('exit', () => {
    seconds = (performance.now() - started) / 1_000
  })
  const errors = readLines(shell.stderr)
  let times = ''
  shell.stdio[3]?.on('data', (bytes: Buffer) => {
    times += bytes
  })
  try {
    const [code, signal] = await once(shell, 'close')
    if (code !== 0) throw new BenchError(`${name} ended with ${signal ?? `exit code ${code}`}.\n${errors()}`)
  } finally {
    clearTimeout(timer)
    process.off('exit', kill)
  }
  return { seconds, cpuSeconds: parseTimes(times) }
}

/**
 * Returns user plus system time of the child processes, in seconds, from the second line of `times`, such as `0m1.23s 0m0.45s`.
 *
 * @throws BenchError
 */
export function parseTimes(text: string): number {
  const [, children = ''] = text.trim().split('\n')
  const found = /^(\d+)m(\d+(?:\.\d+)?)s (\d+)m(\d+(?:\.\d+)?)s$/.exec(children.trim())
  if (!found) throw new BenchError(`The shell printed no CPU times: ${JSON.stringify(text)}.`)
  const [userMinutes = 0, userSeconds = 0, systemMinutes = 0, systemSeconds = 0] = found.slice(1).map(Number)
  return Math.max(STEP_SECONDS, (userMinutes + systemMinutes) * 60 + userSeconds + systemSeconds)
}
