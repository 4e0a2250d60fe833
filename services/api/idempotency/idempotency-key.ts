import { ProblemError } from '../problems/problem.ts'

/** Maximum length of a key, in characters. */
const MAX_KEY_LENGTH = 255

/** Visible ASCII. A string of RFC 8941 is quoted and may contain blanks. Most clients send the key without quotes. */
const BARE = /^[\x21\x23-\x2b\x2d-\x7e]+$/
const QUOTED = /^"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])+)"$/

/**
 * Reads an `Idempotency-Key`. A quoted key and the same key without quotes are equal.
 *
 * @returns undefined if the request has no key
 * @throws ProblemError if the header has several keys, or an invalid or too long key
 */
export function idempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  const key = typeof header === 'string' ? unquote(header) : undefined
  if (key !== undefined && key.length <= MAX_KEY_LENGTH) return key
  const detail = `The Idempotency-Key is invalid. Send one key of 1 to ${MAX_KEY_LENGTH} visible ASCII characters, such as a UUID.`
  throw new ProblemError('invalid-idempotency-key', detail)
}

function unquote(header: string): string | undefined {
  if (BARE.test(header)) return header
  return QUOTED.exec(header)?.[1]?.replace(/\\(["\\])/g, '$1')
}
