import { createHash, type Hash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { ProblemError } from '../problems/problem.ts'
import { type ExpectedDigest, parseDigests } from './digest-field.ts'

/** Compares what passes with the digests that it is said to have. */
export interface DigestCheck {
  update(chunk: Uint8Array): void
  /** Once, after the last chunk. @throws ProblemError where a digest is another */
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
        throw new ProblemError('digest-mismatch', `${field} is not the ${algorithm} of what arrived.`)
      }
    },
  }
}

/**
 * The check of a request's content. `Content-Digest` is of the bytes of the body, whatever they are: of the whole form, of the
 * JSON. `Repr-Digest` is of the same bytes here, since a body with a `Content-Encoding` or a range is not taken.
 *
 * @returns undefined where the client has said nothing that could be checked
 * @throws ProblemError where what it has said cannot be read
 */
export function digestCheckOf({ headers }: Pick<FastifyRequest, 'headers'>): DigestCheck | undefined {
  // Behind a body of chunks it would come too late to be waited for, and passed over nobody would know that it was wrong.
  const late = /(?:content|repr)-digest/i.exec(headers.trailer ?? '')?.[0]
  if (late !== undefined) throw new ProblemError('invalid-digest', `Send ${late} before the body, not as a trailer.`)
  const expected = [
    ...digestsOf('Content-Digest', headers['content-digest']),
    ...digestsOf('Repr-Digest', headers['repr-digest']),
  ]
  return expected.length > 0 ? createDigestCheck(expected) : undefined
}

function digestsOf(field: string, value: string | string[] | undefined): ExpectedDigest[] {
  return value === undefined ? [] : parseDigests(field, [value].flat().join(', '))
}

/** Passes a body on, and fails before its end where it is not what it should be: whoever stores it then stores nothing. */
export async function* checked(body: AsyncIterable<Uint8Array>, check: DigestCheck): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    check.update(chunk)
    yield chunk
  }
  check.verify()
}
