import { ProblemError } from '../problems/problem.ts'

/** The longest key, in characters. */
const MAX_KEY_LENGTH = 255

/** Visible ASCII. A string of RFC 8941 has quotes around it and may have blanks; most clients send it bare. */
const BARE = /^[\x21\x23-\x2b\x2d-\x7e]+$/
const QUOTED = /^"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])+)"$/

/**
 * Reads an `Idempotency-Key`. Quoted and bare, a key is the same.
 *
 * @returns undefined where the request has none
 * @throws ProblemError where it is not one key, or is too long
 */
export function idempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  const key = typeof header === 'string' ? unquoted(header) : undefined
  if (key !== undefined && key.length <= MAX_KEY_LENGTH) return key
  const detail = `Idempotency-Key is one key of 1 to ${MAX_KEY_LENGTH} visible ASCII characters, a UUID for example.`
  throw new ProblemError('invalid-idempotency-key', detail)
}

function unquoted(header: string): string | undefined {
  if (BARE.test(header)) return header
  return QUOTED.exec(header)?.[1]?.replace(/\\(["\\])/g, '$1')
}
