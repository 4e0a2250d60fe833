import type { IncomingMessage } from 'node:http'
import { readBody } from '../wire.ts'

/** The parameters of a query or a form, each of which occurs once. */
export type Parameters = ReadonlyMap<string, string>

/**
 * Reads parameters by name. An empty value counts as absent, and a repeated parameter is an error (RFC 6749, 3.1).
 *
 * @param fail creates the error for a repeated parameter
 */
export function readParameters(text: string, fail: (message: string) => Error): Parameters {
  const found = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(text)) {
    if (found.has(name)) throw fail(`The parameter ${name} is repeated.`)
    if (value !== '') found.set(name, value)
  }
  return found
}

/** Reads the form in the body of a request. */
export async function readForm(request: IncomingMessage, fail: (message: string) => Error): Promise<Parameters> {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  const body = await readBody(request)
  if (type !== 'application/x-www-form-urlencoded') {
    throw fail('The content type must be application/x-www-form-urlencoded.')
  }
  return readParameters(body.toString(), fail)
}
