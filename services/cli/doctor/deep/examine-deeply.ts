import { UsageError } from '../../errors.ts'
import type { Output } from '../../output.ts'
import type { DoctorConfig } from '../config.ts'
import type { Result } from '../run-checks.ts'
import { createApiClient } from './api-client.ts'
import { firstRequest } from './latency.ts'
import { reportOf } from './report.ts'
import { takeStep, walk } from './run-deep.ts'
import { type Terminal, tokenOf } from './sign-in.ts'

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
  output: Output
}

/**
 * Walks a deployment: the checks, then what clients do. Writes a report for an issue in the end. Ctrl-C ends the walk after the
 * uploads of the walk are deleted.
 *
 * @throws UsageError, SignInError
 */
export async function examineDeeply(settings: DeepSettings): Promise<Result[]> {
  const { config, only, requests, check, terminal, say, output } = settings
  const { API_URL: root } = config
  if (root === undefined) throw new UsageError('`--deep` needs API_URL: where clients reach the api, without /uploads.')
  const token = await tokenOf(config, terminal)

  // Before the checks, which call the api as well: this request may have to start a function.
  const bound = AbortSignal.timeout(firstRequest.timeoutMs)
  const first = await takeStep(firstRequest, createApiClient({ root, token, signal: bound, made: new Set() }))
  say(first)
  const checks = await check(token)

  const interrupted = new AbortController()
  const interrupt = () => {
    output.note('Deleting what was uploaded.')
    interrupted.abort()
  }
  process.once('SIGINT', interrupt)
  try {
    const walked = await walk({ root, token, requests, only, first, signal: interrupted.signal, onResult: say })
    const report = reportOf({ config, token, checks, walk: walked, now: Date.now() })
    output.note('\nFor an issue. It has no token, no account id, no name of your resources and no presigned URL:\n')
    output.item({ report, measured: walked.measured, left: walked.left }, report)
    return [...checks, ...walked.steps]
  } finally {
    process.off('SIGINT', interrupt)
  }
}
