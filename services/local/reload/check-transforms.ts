import { fork } from 'node:child_process'
import { compileCache } from '../pipeline/child-env.ts'
import { sibling } from '../sibling.ts'
import { readLines } from '../tail.ts'
import type { CheckResult } from './check-program.ts'

/** A module that does not finish loading in this time is reported. */
const TIMEOUT_MS = 20_000

/** Loads the rules of the variable TRANSFORMS in a new process. */
export async function checkTransforms(env: NodeJS.ProcessEnv): Promise<CheckResult> {
  const child = fork(sibling(import.meta, 'check-program'), [], {
    env: { ...compileCache, ...env },
    // The options of `npm start` have paths that start at the folder of the package.
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const lastLines = readLines(child.stderr)
  let result: CheckResult | undefined
  child.once('message', (message: CheckResult) => {
    result = message
  })
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    child.kill('SIGKILL')
  }, TIMEOUT_MS)
  const { promise, resolve } = Promise.withResolvers<string>()
  child.once('error', error => resolve(error.message))
  child.once('close', (code, signal) => resolve(lastLines() || `the process ended by ${signal ?? `exit code ${code}`}`))
  const end = await promise
  clearTimeout(timer)
  if (result) return result
  const reason = isLate ? `a module did not finish loading within ${TIMEOUT_MS / 1_000} s` : end
  return { files: [], fault: `TRANSFORMS: the modules cannot be loaded: ${reason}` }
}
