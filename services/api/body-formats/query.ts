import { ProblemError } from '../problems/problem.ts'

/**
 * Checks that a URL's query is percent-encoded UTF-8. Fastify's parser takes a part that is not for what it looks like: a
 * file would be stored as `%FF`, which nobody has called it.
 *
 * @param url as it came, with its path
 * @throws ProblemError
 */
export function checkQueryEncoding(url: string): void {
  const start = url.indexOf('?')
  if (start === -1) return
  try {
    decodeURIComponent(url.slice(start + 1))
  } catch (cause) {
    throw new ProblemError('invalid-body', 'The query is not percent-encoded UTF-8.', { cause })
  }
}
