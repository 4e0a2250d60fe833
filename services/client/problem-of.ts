import { ConnectionError, PROBLEM_TYPE_PREFIX, type Problem, ProblemError } from './errors.ts'
import * as problems from './problems.ts'

const classes = new Map(Object.values(problems).map(Kind => [PROBLEM_TYPE_PREFIX + Kind.slug, Kind]))

/** Creates the error for a response that is not a success. */
export async function problemOf(response: Response): Promise<ProblemError> {
  const { status, headers } = response
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  const body = parse(await response.text())
  const problem: Problem = {
    type: 'about:blank',
    title: `Status ${status}`,
    detail: `The response has the status ${status}${body?.message === undefined ? '' : `: ${body.message}`}.`,
    instance: headers.get('x-request-id') ?? undefined,
    ...body,
    status,
    retryAfter: Number.isFinite(seconds) ? seconds : undefined,
  }
  const Kind = classes.get(problem.type) ?? ProblemError
  return new Kind(problem)
}

/** Returns undefined if the text is not an object in JSON, as from a gateway. */
function parse(text: string): (Partial<Problem> & { message?: string }) | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

const RETRYABLE_STATUSES = new Set([423, 429, 502, 503, 504])

/** Returns whether the same request may succeed later. */
export function isRetryable(error: Error): boolean {
  if (error instanceof ConnectionError) return true
  if (!(error instanceof ProblemError)) return false
  return (
    RETRYABLE_STATUSES.has(error.status) ||
    error instanceof problems.IdempotencyKeyInUseError ||
    error instanceof problems.IncompleteBodyError ||
    error instanceof problems.RequestTimeoutError
  )
}
