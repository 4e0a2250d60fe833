import { explain, unreachableAdvice } from '../explain.ts'
import type { Result } from '../run-checks.ts'
import { type ApiClient, createApiClient } from './api-client.ts'
import { StepFailedError } from './errors.ts'
import { largeFileSteps } from './large-files.ts'
import { firstRequest, latencyStep, type Measurements } from './latency.ts'
import { deletionStep, readingSteps } from './reading.ts'
import type { Step } from './step.ts'
import { wholeBodySteps } from './whole-bodies.ts'

/** A step, what it came to, and how long it took. */
export interface StepResult extends Result {
  ms: number
}

export interface StepsResult {
  steps: readonly StepResult[]
  /** Undefined where the deployment could not be measured. */
  measured: Measurements | undefined
  /** Uploads that could not be deleted. */
  left: readonly string[]
}

export interface StepsSettings {
  /** Without a slash at its end. */
  root: string
  token: string
  /** Uploads to measure with. */
  requests: number
  /** Left out: all. */
  only?: readonly string[] | undefined
  /** What the very first request came to. */
  first: StepResult
  /** False if the first request got no answer. Then no step is taken. */
  isAnswered: boolean
  /** Ids of the uploads that the walk has made and not deleted yet. The caller may read it at any time. */
  uploadIds: Set<string>
  /** Ends the walk early. What it made is deleted all the same. */
  signal: AbortSignal
  onResult(result: StepResult): void
}

/** The steps in their order, but for the first request, the measurement and the deletion. */
const STEPS: readonly Step[] = [...wholeBodySteps, ...largeFileSteps, ...readingSteps]

/** Every step, in order. */
export const stepIds: readonly string[] = [firstRequest.id, ...STEPS.map(({ id }) => id), 'latency', 'delete']

/**
 * Does with a deployment what clients do, step by step: one after the other, since the steps measure as well. Deletes in the end what
 * the steps made, whatever came of them.
 */
export async function runSteps(settings: StepsSettings): Promise<StepsResult> {
  const { root, token, requests, only, first, isAnswered, uploadIds: made, signal, onResult } = settings
  const results: StepResult[] = [first]
  let measured: Measurements | undefined
  const latency = latencyStep(requests, first.ms, latencies => {
    measured = latencies
  })
  const take = async (step: Step, ended?: AbortSignal) => {
    const bound = AbortSignal.timeout(step.timeoutMs)
    const ends = ended === undefined ? bound : AbortSignal.any([bound, ended])
    const taken = await runStep(step, createApiClient({ root, token, signal: ends, uploadIds: made }))
    const isInterrupted = taken.status === 'failed' && ended?.aborted === true
    const result = isInterrupted ? { ...taken, ...INTERRUPTED } : taken
    results.push(result)
    onResult(result)
  }
  const wanted = [...STEPS, latency].filter(({ id }) => only === undefined || only.includes(id))
  if (!isAnswered) {
    for (const { id, title } of wanted) {
      const result = {
        id,
        title,
        status: 'skipped',
        seen: `no answer to the first request: ${first.seen}`,
        ms: 0,
      } as const
      results.push(result)
      onResult(result)
    }
    return { steps: results, measured, left: [] }
  }
  for (const step of wanted) {
    if (signal.aborted) break
    await take(step, signal)
  }
  // Also where somebody ends the walk: nothing is to be left behind.
  await take(deletionStep(made.size))
  return { steps: results, measured, left: [...made] }
}

const INTERRUPTED = { seen: 'the step was interrupted by a signal', advice: 'Run the walk again.' }

/** Takes a step. Resolves to what it came to, and never rejects. */
export async function runStep(step: Step, api: ApiClient): Promise<StepResult> {
  const { id, title } = step
  const startedAt = performance.now()
  const since = () => Math.round(performance.now() - startedAt)
  try {
    const seen = await step.run(api)
    return { id, title, status: 'ok', seen, ms: since() }
  } catch (error) {
    return { id, title, status: 'failed', ...whatFailed(error, step), ms: since() }
  }
}

function whatFailed(error: unknown, { timeoutMs }: Step): { seen: string; advice: string } {
  if (error instanceof StepFailedError) return { seen: error.message, advice: error.advice }
  const finding = explain(error)
  if (finding?.status === 'failed') return { seen: finding.seen, advice: finding.advice }
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  if (/Abort|Timeout/.test(text))
    return { seen: `it was not done within ${timeoutMs / 1_000} s`, advice: unreachableAdvice('API_URL') }
  return {
    seen: `the step itself failed: ${text}`,
    advice: 'This is a defect of headgate: please report it with this line.',
  }
}
