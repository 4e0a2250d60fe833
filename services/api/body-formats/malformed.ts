import { ProblemError } from '../problems/problem.ts'

/** The refusal of a form whose structure cannot be read. */
export function malformed(detail: string, cause?: unknown): ProblemError {
  return new ProblemError('malformed-multipart', detail, { cause })
}
