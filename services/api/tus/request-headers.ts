import type { IncomingHttpHeaders } from 'node:http'
import { ProblemError } from '../problems/problem.ts'

/** The version of the protocol that is spoken. */
export const TUS_VERSION = '1.0.0'

/** The content type of the bytes of an upload. */
export const BYTES = 'application/offset+octet-stream'

/** A media type is case-insensitive (RFC 9110, 8.3.1). */
export const isBytes = (contentType: string): boolean => contentType.toLowerCase() === BYTES

/**
 * Holds the headers of a request to the protocol where its server would call a bad request what has a status of its own.
 *
 * @throws ProblemError
 */
export function checkTusHeaders(method: string, headers: IncomingHttpHeaders): void {
  if (method === 'OPTIONS') return
  if (headers['tus-resumable'] !== TUS_VERSION) {
    const detail = `Send Tus-Resumable: ${TUS_VERSION}.`
    throw new ProblemError('unsupported-tus-version', detail, { headers: { 'tus-version': TUS_VERSION } })
  }
  if (method === 'PATCH' && !isBytes(headers['content-type'] ?? '')) {
    throw new ProblemError('unsupported-media-type', `Send the bytes as ${BYTES}.`)
  }
}
