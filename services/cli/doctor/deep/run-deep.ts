import { UsageError } from '../../errors.ts'
import type { Output } from '../../output.ts'
import type { DoctorConfig } from '../config.ts'
import type { Result } from '../run-checks.ts'
import { createApiClient } from './api-client.ts'
import { firstRequest } from './latency.ts'
import { formatReport } from './report.ts'
import { runStep, runSteps } from './run-steps.ts'
import { getToken, type Terminal } from './sign-in.ts'

export interface DeepSettings {
  config: DoctorConfig
  /** Ids of the steps that are wanted. */
  only: readonly string[]
  /** Uploads to measure with. */
  requests: number
  /** The checks of the doctor, with the token of the walk. */
  check(token: string): Promise<Result[]>
  terminal: Terminal
  say(result: Result): void
  /** Writes a line to stderr, also with `--json`. */
  warn(text: string): void
  output: Output
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Walks a deployment: the checks, then what clients do. Writes a report for an issue in the end. SIGINT (Ctrl-C), SIGTERM and
 * SIGHUP end the walk after its uploads are deleted. A second one ends it at once, and says what may be left.
 *
 * @throws UsageError, SignInError
 */
export async function runDeep(settings: DeepSettings): Promise<Result[]> {
  const { config, only, requests, check, terminal, say, warn, output } = settings
  const { API_URL: root } = config
  if (root === undefined) throw new UsageError('`--deep` needs API_URL: where clients reach the api, without /uploads.')
  const token = await getToken(config, terminal)

  // Before the checks, which call the api as well: this request may have to start a function.
  const bound = AbortSignal.timeout(firstRequest.timeoutMs)
  const made = new Set<string>()
  let isAnswered = false
  const onAnswer = () => {
    isAnswered = true
  }
  const first = await runStep(
    firstRequest,
    createApiClient({ root, token, signal: bound, uploadIds: made, onResponse: onAnswer }),
  )
  say(first)
  const checks = await check(token)

  const interrupted = new AbortController()
  const interrupt = (signal: NodeJS.Signals) => {
    if (!interrupted.signal.aborted) {
      output.note('Deleting what was uploaded.')
      interrupted.abort()
      return
    }
    // A terminal that closes sends SIGHUP more than once, and nobody reads what is written then.
    if (signal === 'SIGHUP') return
    warn(`Stopped before everything was deleted. ${leftOver(made)}`)
    // The default action of the signal: the shell sees by what the command ended.
    for (const name of SIGNALS) process.off(name, interrupt)
    process.kill(process.pid, signal)
  }
  for (const name of SIGNALS) process.on(name, interrupt)
  try {
    const walked = await runSteps({
      root,
      token,
      requests,
      only,
      first,
      isAnswered,
      uploadIds: made,
      signal: interrupted.signal,
      onResult: say,
    })
    const report = formatReport({ config, token, checks, result: walked, now: Date.now() })
    if (walked.left.length > 0) output.note(leftOver(walked.left))
    output.note('\nFor an issue. It has no token, no account id, no name of your resources and no presigned URL:\n')
    output.item({ report, measured: walked.measured, left: walked.left }, report)
    return [...checks, ...walked.steps]
  } finally {
    for (const name of SIGNALS) process.off(name, interrupt)
  }
}

/** Says which uploads may be left, and how to delete them. */
function leftOver(ids: Iterable<string>): string {
  const all = [...ids]
  if (all.length === 0)
    return 'No upload is known to be left. One in flight may be: its name begins with headgate-doctor.'
  return `Uploads that may be left (${all.length}): ${all.join(', ')}. Delete each by DELETE /uploads/{id} with a token of the same user.`
}
