import type { Check, CheckContext, Finding } from './check.ts'
import { failed } from './check.ts'
import { explain, unreachableAdvice } from './explain.ts'

/** A check, and what it came to. */
export interface Result {
  id: string
  title: string
  status: Finding['status']
  seen: string
  advice?: string
}

/** Above the longest wait of a check, which is for a lease to be renewed. */
const TIMEOUT_MS = 20_000

/**
 * Runs checks side by side. Resolves to their results in the order of the checks, at the latest when the time of each is up:
 * what does not answer is a finding, too.
 */
export async function runChecks(
  checks: readonly Check[],
  context: Omit<CheckContext, 'signal'>,
  timeoutMs = TIMEOUT_MS,
): Promise<Result[]> {
  return await Promise.all(
    checks.map(async check => {
      const { id, title } = check
      return { id, title, ...(await find(check, context, timeoutMs)) }
    }),
  )
}

async function find(check: Check, context: Omit<CheckContext, 'signal'>, timeoutMs: number): Promise<Finding> {
  const bound = new AbortController()
  const late = Promise.withResolvers<Finding>()
  const timer = setTimeout(() => {
    const seen = `it was not known within ${timeoutMs / 1_000} s`
    late.resolve(failed(seen, unreachableAdvice(check.endpointVariable)))
    bound.abort()
  }, timeoutMs)
  const looked = check.run({ ...context, signal: bound.signal }).catch((error: unknown) => {
    const finding = explain(error)
    if (finding) return finding
    // Of the doctor itself, which must say what it has found all the same.
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    return failed(`the check itself failed: ${text}`, 'This is a defect of headgate: please report it with this line.')
  })
  try {
    return await Promise.race([looked, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
