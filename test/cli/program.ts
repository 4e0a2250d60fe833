import path from 'node:path'
import type { Test } from 'tap'
import { commands } from '../../services/cli/commands/index.ts'
import { runCli } from '../../services/cli/run.ts'
import { runProgram } from '../support/processes.ts'

const headgate = path.resolve(import.meta.dirname, '../../services/cli/headgate.ts')

type Env = Readonly<Record<string, string>>

export interface Ran {
  code: number | null
  stdout: string
  stderr: string
  /** The lines of `--json`. */
  // biome-ignore lint/suspicious/noExplicitAny: what a script would take from it, whatever it is
  lines(): any[]
}

/** Runs the `headgate` command to its end in a process of its own, as an operator's shell does. */
export async function runHeadgate(t: Pick<Test, 'teardown'>, env: Env, ...args: string[]): Promise<Ran> {
  const program = runProgram(t, [headgate, ...args], { env: { ...env } })
  const { code } = await program.ended
  return ran(code, program.stdout(), program.stderr())
}

/** The same command in this process, which costs no start. The SDK takes endpoints from the process's environment alone. */
export function headgateHere(t: Pick<Test, 'teardown'>, env: Env): (...args: string[]) => Promise<Ran> {
  const before = { ...process.env }
  t.teardown(() => {
    process.env = before
  })
  Object.assign(process.env, env)
  return async (...args) => {
    const said: Record<'stdout' | 'stderr', string[]> = { stdout: [], stderr: [] }
    const code = await runCli(args, {
      ...{ commands, env },
      stdout: text => void said.stdout.push(`${text}\n`),
      stderr: text => void said.stderr.push(`${text}\n`),
    })
    return ran(code, said.stdout.join(''), said.stderr.join(''))
  }
}

function ran(code: number | null, stdout: string, stderr: string): Ran {
  const lines = () =>
    stdout === ''
      ? []
      : stdout
          .trimEnd()
          .split('\n')
          .map(line => JSON.parse(line))
  return { code, stdout, stderr, lines }
}
