import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { TestAws } from '../../support/aws.ts'
import { type Program, runProgram, until } from '../../support/processes.ts'

const entry = fileURLToPath(new URL('../../../services/api/server.ts', import.meta.url))

export interface ApiProcess extends Program {
  /** `http://127.0.0.1:PORT` */
  url: string
  /** Kills the process like a failing machine. Resolves when the process has ended. */
  kill(): Promise<void>
}

/** Starts the api as a process. Port 0 means a free one. */
export async function startApi(
  t: Pick<Test, 'teardown'>,
  aws: TestAws,
  env: Record<string, string> = {},
): Promise<ApiProcess> {
  const program = runProgram(t, [entry], { env: { ...aws.env, HOST: '127.0.0.1', PORT: '0', ...env } })
  const listening = () => /http:\/\/127\.0\.0\.1:\d+/.exec(program.stdout())?.[0]
  await until(() => listening() !== undefined, { timeoutMs: 60_000, what: `an api that listens: ${program.stderr()}` })
  return {
    ...program,
    url: listening() ?? '',
    kill: async () => {
      program.child.kill('SIGKILL')
      if (program.child.exitCode === null && program.child.signalCode === null) await once(program.child, 'exit')
    },
  }
}
