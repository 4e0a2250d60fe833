import { ProblemError } from '../problems/problem.ts'

/** The problem for a form with a damaged structure. */
export function malformed(detail: string, cause?: unknown): ProblemError {
  return new ProblemError('malformed-multipart', detail, { cause })
}
