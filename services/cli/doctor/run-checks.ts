import { type Check, type CheckContext, type Finding, failed } from './check.ts'
import { explain, unreachableAdvice } from './explain.ts'

/** A check with its result. */
export interface Result {
  id: string
  title: string
  status: Finding['status']
  seen: string
  advice?: string
}

/** Longer than the longest wait of a check, the one for a lease to be renewed. */
const TIMEOUT_MS = 20_000

/** Runs checks concurrently. Resolves to their results in the order of the checks. A check that takes too long has failed. */
export async function runChecks(
  checks: readonly Check[],
  context: Omit<CheckContext, 'signal'>,
  timeoutMs = TIMEOUT_MS,
): Promise<Result[]> {
  return await Promise.all(
    checks.map(async check => {
      const { id, title } = check
      return { id, title, ...(await runCheck(check, context, timeoutMs)) }
    }),
  )
}

async function runCheck(check: Check, context: Omit<CheckContext, 'signal'>, timeoutMs: number): Promise<Finding> {
  const timeout = new AbortController()
  const timedOut = Promise.withResolvers<Finding>()
  const timer = setTimeout(() => {
    timedOut.resolve(failed(`no result within ${timeoutMs / 1_000} s`, unreachableAdvice(check.endpointVariable)))
    timeout.abort()
  }, timeoutMs)
  const finding = check.run({ ...context, signal: timeout.signal }).catch((error: unknown) => {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    return (
      explain(error) ??
      failed(`the check itself failed: ${text}`, 'This is a defect of headgate. Report it with this line.')
    )
  })
  try {
    return await Promise.race([finding, timedOut.promise])
  } finally {
    clearTimeout(timer)
  }
}
