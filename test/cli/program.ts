import path from 'node:path'
import type { Test } from 'tap'
import type { TestAws } from '../support/aws.ts'
import { runProgram } from '../support/processes.ts'

const headgate = path.resolve(import.meta.dirname, '../../services/cli/headgate.ts')

export interface Ran {
  code: number | null
  stdout: string
  stderr: string
  /** The lines of `--json`. */
  // biome-ignore lint/suspicious/noExplicitAny: what a script would take from it, whatever it is
  lines(): any[]
}

/** Runs the `headgate` command to its end, as an operator's shell does. */
export async function headgateIn(
  t: Pick<Test, 'teardown'>,
  env: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<Ran> {
  const program = runProgram(t, [headgate, ...args], { env: { ...env } })
  const { code } = await program.ended
  const stdout = program.stdout()
  const lines = () =>
    stdout
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line))
  return { code, stdout, stderr: program.stderr(), lines }
}

/** The command, on an embedded AWS. */
export const headgateOn = (t: Pick<Test, 'teardown'>, aws: Pick<TestAws, 'env'>) => {
  return (...args: string[]) => headgateIn(t, aws.env, ...args)
}
