import { UsageError } from '../../errors.ts'
import type { Output } from '../../output.ts'
import type { Terminal } from '../../terminal.ts'
import type { DoctorConfig } from '../config.ts'
import type { Result } from '../run-checks.ts'
import { createApiClient } from './api-client.ts'
import { firstRequest } from './latency.ts'
import { formatReport } from './report.ts'
import { runStep, runSteps } from './run-steps.ts'
import { getToken } from './sign-in.ts'

export interface DeepSettings {
  config: DoctorConfig
  /** Ids of the steps to run. */
  only: readonly string[]
  /** Number of uploads to measure. */
  requests: number
  /** Runs the checks of the doctor with a token. */
  check(token: string): Promise<Result[]>
  terminal: Terminal
  /** Called after every check and step. */
  onResult(result: Result): void
  /** Writes a line to stderr, also with `--json`. */
  warn(text: string): void
  output: Output
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Tests a deployment: runs the checks, then acts as a client, and prints a report for an issue. SIGINT (Ctrl-C), SIGTERM and SIGHUP end
 * the run after its uploads are deleted. A second SIGINT or SIGTERM ends it at once, and lists the uploads that may be left.
 *
 * @throws UsageError, SignInError
 */
export async function runDeep(settings: DeepSettings): Promise<Result[]> {
  const { config, only, requests, check, terminal, onResult, warn, output } = settings
  const { API_URL: root } = config
  if (root === undefined)
    throw new UsageError('`--deep` needs API_URL: the URL of the api for clients, without /uploads.')
  const token = await getToken(config, terminal)

  // This request comes before the checks, which call the api as well, because its time may be that of a cold start.
  const signal = AbortSignal.timeout(firstRequest.timeoutMs)
  const uploadIds = new Set<string>()
  let isApiReachable = false
  const onResponse = () => {
    isApiReachable = true
  }
  const first = await runStep(firstRequest, createApiClient({ root, token, signal, uploadIds, onResponse }))
  onResult(first)
  const checks = await check(token)

  const interrupted = new AbortController()
  const interrupt = (signal: NodeJS.Signals) => {
    if (!interrupted.signal.aborted) {
      output.note('Deleting the uploads.')
      interrupted.abort()
      return
    }
    // A terminal that closes sends SIGHUP several times, and nobody reads the output then.
    if (signal === 'SIGHUP') return
    warn(`Stopped before all uploads were deleted. ${leftoverText(uploadIds)}`)
    // The process ends by the signal itself, so that the shell sees the reason.
    for (const name of SIGNALS) process.off(name, interrupt)
    process.kill(process.pid, signal)
  }
  for (const name of SIGNALS) process.on(name, interrupt)
  try {
    const result = await runSteps({
      root,
      token,
      requests,
      only,
      first,
      isApiReachable,
      uploadIds,
      signal: interrupted.signal,
      onResult,
    })
    const report = formatReport({ config, token, checks, result, now: Date.now() })
    if (result.left.length > 0) output.note(leftoverText(result.left))
    output.note('\nReport for an issue, without tokens, account ids, names of your resources and presigned URLs:\n')
    output.item({ report, measured: result.measured, left: result.left }, report)
    return [...checks, ...result.steps]
  } finally {
    for (const name of SIGNALS) process.off(name, interrupt)
  }
}

/** Lists the uploads that may be left, and says how to delete them. */
function leftoverText(ids: Iterable<string>): string {
  const all = [...ids]
  if (all.length === 0)
    return 'No upload is known to be left. An upload in flight may be left. Its filename begins with headgate-doctor.'
  return `Uploads that may be left (${all.length}): ${all.join(', ')}. Delete each by DELETE /uploads/{id} with a token of the same user.`
}
