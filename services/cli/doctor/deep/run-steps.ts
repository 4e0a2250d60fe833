import { explain, unreachableAdvice } from '../explain.ts'
import type { Result } from '../run-checks.ts'
import { type ApiClient, createApiClient } from './api-client.ts'
import { StepFailedError } from './errors.ts'
import { largeFileSteps } from './large-files.ts'
import { firstRequest, latencyStep, type Measurements } from './latency.ts'
import { deletionStep, readingSteps } from './reading.ts'
import type { Step } from './step.ts'
import { wholeBodySteps } from './whole-bodies.ts'

/** A step with its result and its duration in milliseconds. */
export interface StepResult extends Result {
  ms: number
}

export interface StepsResult {
  steps: readonly StepResult[]
  /** Undefined if the step `latency` did not succeed. */
  measured: Measurements | undefined
  /** Uploads that could not be deleted. */
  left: readonly string[]
}

export interface StepsSettings {
  /** The URL of the api, without a trailing slash. */
  root: string
  token: string
  /** Number of uploads to measure. */
  requests: number
  /** Ids of the steps to run. @default all */
  only?: readonly string[] | undefined
  /** The result of the first request. */
  first: StepResult
  /** False if the first request got no response. Then all steps are skipped. */
  isApiReachable: boolean
  /** Ids of the uploads that were created and are not deleted yet. The caller may read them at any time. */
  uploadIds: Set<string>
  /** Ends the run early. The uploads are deleted nevertheless. */
  signal: AbortSignal
  onResult(result: StepResult): void
}

/** The steps in their order, except the first request, the measurement and the deletion. */
const STEPS: readonly Step[] = [...wholeBodySteps, ...largeFileSteps, ...readingSteps]

/** The ids of all steps, in their order. */
export const stepIds: readonly string[] = [firstRequest.id, ...STEPS.map(({ id }) => id), 'latency', 'delete']

/**
 * Acts as a client of a deployment, step by step. The steps run one after the other, because some of them measure. Finally deletes all
 * uploads of the steps, also after failures.
 */
export async function runSteps(settings: StepsSettings): Promise<StepsResult> {
  const { root, token, requests, only, first, isApiReachable, uploadIds, signal, onResult } = settings
  const results: StepResult[] = [first]
  const report = (result: StepResult) => {
    results.push(result)
    onResult(result)
  }
  let measured: Measurements | undefined
  const latency = latencyStep(requests, first.ms, measurements => {
    measured = measurements
  })
  const steps = [...STEPS, latency].filter(({ id }) => only === undefined || only.includes(id))
  if (!isApiReachable) {
    const seen = `no response to the first request: ${first.seen}`
    for (const { id, title } of steps) report({ id, title, status: 'skipped', seen, ms: 0 })
    return { steps: results, measured, left: [] }
  }
  for (const step of steps) {
    if (signal.aborted) break
    const ends = AbortSignal.any([AbortSignal.timeout(step.timeoutMs), signal])
    const result = await runStep(step, createApiClient({ root, token, signal: ends, uploadIds }))
    report(result.status === 'failed' && signal.aborted ? { ...result, ...INTERRUPTED } : result)
  }
  // The deletion ignores the signal, so that an interrupted run leaves nothing behind.
  const deletion = deletionStep(uploadIds.size)
  const timeout = AbortSignal.timeout(deletion.timeoutMs)
  report(await runStep(deletion, createApiClient({ root, token, signal: timeout, uploadIds })))
  return { steps: results, measured, left: [...uploadIds] }
}

const INTERRUPTED = { seen: 'the step was interrupted by a signal', advice: 'Run the command again.' }

/** Runs a step. Resolves to its result, and never rejects. */
export async function runStep(step: Step, api: ApiClient): Promise<StepResult> {
  const { id, title } = step
  const startedAt = performance.now()
  const elapsed = () => Math.round(performance.now() - startedAt)
  try {
    const seen = await step.run(api)
    return { id, title, status: 'ok', seen, ms: elapsed() }
  } catch (error) {
    return { id, title, status: 'failed', ...describe(error, step), ms: elapsed() }
  }
}

function describe(error: unknown, { timeoutMs }: Step): { seen: string; advice: string } {
  if (error instanceof StepFailedError) return { seen: error.message, advice: error.advice }
  const finding = explain(error)
  if (finding) return { seen: finding.seen, advice: finding.advice }
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  if (/Abort|Timeout/.test(text))
    return { seen: `the step did not finish within ${timeoutMs / 1_000} s`, advice: unreachableAdvice('API_URL') }
  return {
    seen: `the step itself failed: ${text}`,
    advice: 'This is a defect of headgate. Report it with this line.',
  }
}
