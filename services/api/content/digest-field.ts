import { ProblemError } from '../problems/problem.ts'

/** A digest that the client sent for a body. */
export interface ExpectedDigest {
  algorithm: 'sha256' | 'sha512'
  value: Buffer
  /** The name of the field, for messages. */
  field: string
}

/** The algorithms of RFC 9530 that are checked. Deprecated and unknown algorithms are ignored, as the RFC requires. */
const ALGORITHMS: Readonly<Record<string, { algorithm: ExpectedDigest['algorithm']; bytes: number }>> = {
  'sha-256': { algorithm: 'sha256', bytes: 32 },
  'sha-512': { algorithm: 'sha512', bytes: 64 },
}

/** Maximum length of a list of digests, in characters. */
const MAX_FIELD_LENGTH = 4_096

const KEY = '[a-z*][a-z0-9_.*-]*'
const BYTES = ':([A-Za-z0-9+/]*={0,2}):'
/** A member of a dictionary of RFC 8941 whose value is a byte sequence. Its parameters are ignored. */
const MEMBER = new RegExp(`^(${KEY})=${BYTES}(?:; *${KEY}(?:=[^;,]*)?)*$`, 'i')

/**
 * Reads a `Content-Digest` or `Repr-Digest` (RFC 9530). If an algorithm occurs twice, both values are checked.
 *
 * @throws ProblemError if the field is malformed, because a client that sends a digest relies on the check
 */
export function parseDigests(field: string, value: string): ExpectedDigest[] {
  if (value.length > MAX_FIELD_LENGTH) throw invalid(field)
  return value.split(',').flatMap(part => {
    const [, name = '', base64] = MEMBER.exec(part.trim()) ?? []
    if (base64 === undefined) throw invalid(field)
    // Keys are in lower case (RFC 8941). An algorithm in upper case is accepted, because otherwise it would be ignored.
    const key = name.toLowerCase()
    const known = ALGORITHMS[key]
    if (!known || !Object.hasOwn(ALGORITHMS, key)) return []
    const digest = Buffer.from(base64, 'base64')
    if (digest.length !== known.bytes) throw invalid(field)
    return [{ algorithm: known.algorithm, value: digest, field }]
  })
}

function invalid(field: string): ProblemError {
  const detail = `${field} is not a list of digests as in RFC 9530. Send sha-256=:<base64>: or sha-512=:<base64>:.`
  return new ProblemError('invalid-digest', detail)
}
