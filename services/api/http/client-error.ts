import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyBaseLogger } from 'fastify'
import { catalogue, type ProblemSlug } from '../problems/catalogue.ts'
import { PROBLEM_CONTENT_TYPE, problemBody } from '../problems/problem.ts'
import { EXPOSED } from './cors.ts'
import { arrivingRequest, outstandingAnswers } from './pending-responses.ts'
import { requestIdInLog } from './request-log.ts'
import { securityHeadersFor } from './security-headers.ts'

const kinds: Readonly<Record<string, { slug: ProblemSlug; detail: string }>> = {
  HPE_HEADER_OVERFLOW: {
    slug: 'headers-too-large',
    detail: 'The headers of the request are larger than the api reads.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: { slug: 'request-timeout', detail: 'The request did not arrive in time.' },
}

const otherwise = { slug: 'bad-request', detail: 'This is not a request of HTTP/1.1.' } as const

/** The part of a Fastify instance that is used. */
export interface Logging {
  log: Pick<FastifyBaseLogger, 'info'>
}

/**
 * Answers what Node could not read as a request: there is only a socket to write on. No hook runs for it, so its line in the log is
 * written here.
 *
 * @param origins of CORS. The request's own `Origin` was not read: of several origins none can be named, and a page of
 *   theirs sees that the request failed, and not why.
 */
export function createAnswerClientError(origins: readonly string[]) {
  const headers = Object.entries({ ...securityHeadersFor(origins.length > 0), ...corsHeadersFor(origins) })
  return function answer(this: Logging, error: NodeJS.ErrnoException, socket: Socket): void {
    answerClientError(error, socket, headers, this.log)
  }
}

function corsHeadersFor(origins: readonly string[]): Record<string, string> {
  const origin = origins.includes('*') ? '*' : origins.length === 1 ? origins[0] : undefined
  if (origin === undefined) return {}
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
  // Writing into a reset connection would only raise the next error; a second answer would corrupt the first.
  if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy()
    return
  }
  // Written now, it would be taken for the answer to a request that came before, which may just be accepted.
  const outstanding = outstandingAnswers(socket)
  if (outstanding.length > 0) {
    outstanding.at(-1)?.once('close', () => socket.destroySoon())
    return
  }
  const problem = kinds[error.code ?? ''] ?? otherwise
  const { status } = catalogue[problem.slug]
  const arriving = arrivingRequest(socket)
  const requestId = (arriving && requestIdInLog(arriving)) ?? randomUUID()
  const body = JSON.stringify(problemBody(problem, requestId))
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
  // A request whose head was read has a line of its own. On a connection without a byte there was no request: a browser opens some ahead.
  if (arriving || socket.bytesRead === 0) return
  log.info({ requestId, status, code: error.code, remoteAddress: socket.remoteAddress }, 'request')
}
