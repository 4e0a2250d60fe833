import type { FastifyRequest } from 'fastify'
import { digestCheckOf } from '../content/digest-check.ts'
import type { BodyRateGuard } from '../http/min-body-rate.ts'
import { ProblemError } from '../problems/problem.ts'
import { checkJsonCharset, checkNotEncoded, declaredLength } from './body-headers.ts'
import { readBody } from './read-body.ts'

export interface JsonBodySettings {
  /** Bytes. */
  maxBytes: number
  rateGuard: BodyRateGuard
}

/**
 * Reads a JSON body and verifies its digest. Rejects JSON that is not UTF-8, because a corrected text would differ from the one
 * that was sent.
 *
 * @param body the body as a stream
 * @throws ProblemError, PayloadTooLargeError, IncompleteBodyError
 */
export async function readJsonBody(
  { headers }: Pick<FastifyRequest, 'headers'>,
  body: unknown,
  { maxBytes, rateGuard }: JsonBodySettings,
): Promise<unknown> {
  checkNotEncoded(headers)
  checkJsonCharset(headers)
  const check = digestCheckOf({ headers })
  const bytes = await readBody(body, { limit: maxBytes, declared: declaredLength(headers), rateGuard })
  check?.update(bytes)
  check?.verify()
  return parse(bytes)
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (cause) {
    const detail = body.length === 0 ? 'The body is empty.' : 'The body is not valid JSON in UTF-8.'
    throw new ProblemError('malformed-json', detail, { cause })
  }
}
