import type { IncomingHttpHeaders } from 'node:http'
import { ProblemError } from '../problems/problem.ts'

/** The `endpoint` of tus clients. */
export const TUS_PATH = '/uploads/tus'

/** The supported version of the protocol. */
export const TUS_VERSION = '1.0.0'

/** The content type of the bytes of an upload. */
export const BYTES = 'application/offset+octet-stream'

/** Compares without regard to case, as for every media type (RFC 9110, 8.3.1). */
export const isBytes = (contentType: string): boolean => contentType.toLowerCase() === BYTES

/**
 * Checks the headers for which the protocol has a status of its own. @tus/server would answer 400.
 *
 * @throws ProblemError
 */
export function checkTusHeaders(method: string, headers: IncomingHttpHeaders): void {
  if (method === 'OPTIONS') return
  if (headers['tus-resumable'] !== TUS_VERSION) {
    const detail = `Send the header "Tus-Resumable: ${TUS_VERSION}".`
    throw new ProblemError('unsupported-tus-version', detail, { headers: { 'tus-version': TUS_VERSION } })
  }
  if (method === 'PATCH' && !isBytes(headers['content-type'] ?? '')) {
    throw new ProblemError('unsupported-media-type', `Send the bytes with the content type ${BYTES}.`)
  }
}
