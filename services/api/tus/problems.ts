import type { ProblemSlug } from '../problems/catalogue.ts'
import { ProblemError } from '../problems/problem.ts'

const slugs: Readonly<Record<number, ProblemSlug>> = {
  404: 'not-found',
  409: 'offset-conflict',
  410: 'upload-expired',
  413: 'payload-too-large',
}

/** What the protocol's server refuses, by its status, as a problem of ours. */
export function tusProblem(status: number, text: string): ProblemError {
  const slug = slugs[status] ?? (status < 500 || status === 501 ? 'bad-request' : 'internal-error')
  if (slug === 'not-found') return new ProblemError(slug, 'You have no upload with this id.')
  if (slug === 'internal-error') return new ProblemError(slug, 'The request failed, and it is not your fault.')
  const line = text.trim()
  return new ProblemError(slug, /[.!?]$/.test(line) ? line : `${line}.`)
}
