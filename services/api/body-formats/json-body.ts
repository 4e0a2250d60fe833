import type { FastifyRequest } from 'fastify'
import { digestCheckOf } from '../content/digest-check.ts'
import type { Patience } from '../http/min-body-rate.ts'
import { ProblemError } from '../problems/problem.ts'
import { checkJsonCharset, checkNotEncoded, declaredLength } from './body-headers.ts'
import { readBody } from './read-body.ts'

export interface JsonBodySettings {
  /** Bytes. */
  maxBytes: number
  patience: Patience
}

/**
 * Reads a body that is JSON, and holds it to its digest. What is not UTF-8 is refused: put in order it would be another than was
 * sent.
 *
 * @param body the stream
 * @throws ProblemError, PayloadTooLargeError, IncompleteBodyError
 */
export async function readJsonBody(
  { headers }: Pick<FastifyRequest, 'headers'>,
  body: unknown,
  { maxBytes, patience }: JsonBodySettings,
): Promise<unknown> {
  checkNotEncoded(headers)
  checkJsonCharset(headers)
  const check = digestCheckOf({ headers })
  const bytes = await readBody(body, { limit: maxBytes, declared: declaredLength(headers), patience })
  check?.update(bytes)
  check?.verify()
  return parse(bytes)
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (cause) {
    const detail = body.length === 0 ? 'The body is empty.' : 'The body is not JSON in UTF-8.'
    throw new ProblemError('malformed-json', detail, { cause })
  }
}
