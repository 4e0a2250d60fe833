import path from 'node:path'
import type { Test } from 'tap'
import { commands } from '../../services/cli/commands/index.ts'
import { runCli } from '../../services/cli/run.ts'
import { runProgram } from '../support/processes.ts'

const headgate = path.resolve(import.meta.dirname, '../../services/cli/headgate.ts')

type Env = Readonly<Record<string, string>>

export interface CommandResult {
  code: number | null
  stdout: string
  stderr: string
  /** Parses stdout as one JSON object per line. */
  // biome-ignore lint/suspicious/noExplicitAny: what a script would take from it, whatever it is
  lines(): any[]
}

/** Runs the `headgate` command in a new process, as a shell does. Resolves after its end. */
export async function runHeadgate(t: Pick<Test, 'teardown'>, env: Env, ...args: string[]): Promise<CommandResult> {
  const program = runProgram(t, [headgate, ...args], { env: { ...env } })
  const { code } = await program.ended
  return result(code, program.stdout(), program.stderr())
}

/** Returns a function that runs the command in this process, which is faster. Sets process.env for the test, because the SDK reads endpoints there only. */
export function headgateHere(t: Pick<Test, 'teardown'>, env: Env): (...args: string[]) => Promise<CommandResult> {
  const before = { ...process.env }
  t.teardown(() => {
    process.env = before
  })
  Object.assign(process.env, env)
  return async (...args) => {
    const output: Record<'stdout' | 'stderr', string[]> = { stdout: [], stderr: [] }
    const code = await runCli(args, {
      commands,
      env,
      stdout: text => void output.stdout.push(`${text}\n`),
      stderr: text => void output.stderr.push(`${text}\n`),
    })
    return result(code, output.stdout.join(''), output.stderr.join(''))
  }
}

function result(code: number | null, stdout: string, stderr: string): CommandResult {
  const lines = () =>
    stdout === ''
      ? []
      : stdout
          .trimEnd()
          .split('\n')
          .map(line => JSON.parse(line))
  return { code, stdout, stderr, lines }
}
