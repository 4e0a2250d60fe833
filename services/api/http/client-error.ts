import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyBaseLogger } from 'fastify'
import { originMatcher } from '../../platform/origins.ts'
import { catalogue, type ProblemSlug } from '../problems/catalogue.ts'
import { PROBLEM_CONTENT_TYPE, problemBody } from '../problems/problem.ts'
import { EXPOSED } from './cors.ts'
import { incompleteRequest, pendingResponses } from './pending-responses.ts'
import { requestIdInLog } from './request-log.ts'
import { securityHeadersFor } from './security-headers.ts'

const problems: Readonly<Record<string, { slug: ProblemSlug; detail: string }>> = {
  HPE_HEADER_OVERFLOW: {
    slug: 'headers-too-large',
    detail: 'The headers of the request are larger than the maximum of 128 KiB.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: { slug: 'request-timeout', detail: 'The request did not arrive in time.' },
}

const badRequest = { slug: 'bad-request', detail: 'The request is not valid HTTP/1.1.' } as const

/** The part of a Fastify instance that is needed. */
export interface Logging {
  log: Pick<FastifyBaseLogger, 'info'>
}

/**
 * Responds to bytes that Node could not parse as a request. There is only a socket to write to, and no hook runs, so the log line is
 * written here too.
 *
 * @param origins the allowed origins of CORS. The request's own `Origin` was not parsed. If several origins are allowed, none of them can be
 *   named, and a page sees only that the request failed.
 */
export function createAnswerClientError(origins: readonly string[]) {
  const headers = Object.entries({ ...securityHeadersFor(origins.length > 0), ...corsHeadersFor(origins) })
  return function answer(this: Logging, error: NodeJS.ErrnoException, socket: Socket): void {
    answerClientError(error, socket, headers, this.log)
  }
}

function corsHeadersFor(origins: readonly string[]): Record<string, string> {
  const origin = origins.includes('*') ? '*' : origins.length === 1 ? origins[0] : undefined
  // The port of a page is unknown here.
  if (origin === undefined || typeof originMatcher(origin) !== 'string') return {}
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': EXPOSED.join(', '),
    ...(origin !== '*' && { vary: 'Origin' }),
  }
}

function answerClientError(
  error: NodeJS.ErrnoException,
  socket: Socket,
  headers: ReadonlyArray<readonly [name: string, value: string]>,
  log: Logging['log'],
): void {
  // A write to a reset connection would only cause another error. A second response would corrupt the first.
  if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy()
    return
  }
  // The client would take a response for the one to an earlier request, whose upload may just be accepted.
  const pending = pendingResponses(socket)
  if (pending.length > 0) {
    pending.at(-1)?.once('close', () => socket.destroySoon())
    return
  }
  const problem = problems[error.code ?? ''] ?? badRequest
  const { status } = catalogue[problem.slug]
  const incomplete = incompleteRequest(socket)
  const requestId = (incomplete && requestIdInLog(incomplete)) ?? randomUUID()
  const body = `${JSON.stringify(problemBody(problem, requestId))}\n`
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `content-type: ${PROBLEM_CONTENT_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    'cache-control: no-store',
    `x-request-id: ${requestId}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  // A request whose head was parsed has its own log line. A connection without a byte had no request: browsers open some in advance.
  if (incomplete || socket.bytesRead === 0) return
  log.info({ requestId, status, code: error.code, remoteAddress: socket.remoteAddress }, 'request')
}
