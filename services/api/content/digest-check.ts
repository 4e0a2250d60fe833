import { createHash, type Hash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { ProblemError } from '../problems/problem.ts'
import { type ExpectedDigest, parseDigests } from './digest-field.ts'

/** Compares the bytes of a body with the digests that the client sent. */
export interface DigestCheck {
  update(chunk: Uint8Array): void
  /** Call it once, after the last chunk. @throws ProblemError if a digest does not match */
  verify(): void
}

export function createDigestCheck(expected: readonly ExpectedDigest[]): DigestCheck {
  const hashes = new Map<string, Hash>()
  for (const { algorithm } of expected) hashes.set(algorithm, hashes.get(algorithm) ?? createHash(algorithm))
  return {
    update(chunk) {
      for (const hash of hashes.values()) hash.update(chunk)
    },
    verify() {
      const found = new Map([...hashes].map(([algorithm, hash]) => [algorithm, hash.digest()]))
      for (const { algorithm, value, field } of expected) {
        const digest = found.get(algorithm)
        if (digest && timingSafeEqual(digest, value)) continue
        throw new ProblemError('digest-mismatch', `${field} does not match the ${algorithm} of the bytes that arrived.`)
      }
    },
  }
}

/**
 * Returns the check of a request's digests. `Content-Digest` covers the bytes of the body as they are sent, for example the whole form.
 * `Repr-Digest` covers the same bytes, because a body with a `Content-Encoding` or a range is rejected.
 *
 * @returns undefined if the client sent no digest with a known algorithm
 * @throws ProblemError if a digest is malformed
 */
export function digestCheckOf({ headers }: Pick<FastifyRequest, 'headers'>): DigestCheck | undefined {
  // A digest in a trailer arrives too late to be checked, and it must not be ignored.
  const late = /(?:content|repr)-digest/i.exec(headers.trailer ?? '')?.[0]
  if (late !== undefined) throw new ProblemError('invalid-digest', `Send ${late} as a header, not as a trailer.`)
  const expected = [
    ...digestsOf('Content-Digest', headers['content-digest']),
    ...digestsOf('Repr-Digest', headers['repr-digest']),
  ]
  return expected.length > 0 ? createDigestCheck(expected) : undefined
}

function digestsOf(field: string, value: string | string[] | undefined): ExpectedDigest[] {
  return value === undefined ? [] : parseDigests(field, [value].flat().join(', '))
}

/** Passes on the chunks of a body. Fails before its end if a digest does not match, so that nothing is stored. */
export async function* verifyDigests(body: AsyncIterable<Uint8Array>, check: DigestCheck): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    check.update(chunk)
    yield chunk
  }
  check.verify()
}
