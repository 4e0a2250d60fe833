import type { FastifyReply, FastifyRequest } from 'fastify'
import { NoPartBufferError, SlowUploadError } from '../../platform/s3/memory-pool.ts'
import { lingeringResponse } from '../http/lingering-close.ts'
import { catalogue } from './catalogue.ts'
import { problemFromError } from './error-to-problem.ts'
import { PROBLEM_CONTENT_TYPE, type Problem, problemBody } from './problem.ts'

/** Maximum size of a request body that is read to its end after an error to keep the connection open, in bytes. */
const MAX_DRAINED_BYTES = 64 * 1024

/** Responds with a problem, and logs the error for the operator. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = problemFromError(error)
  const { status } = catalogue[problem.slug]
  // Clients can exhaust the memory for uploads. An attack must not look like an error of the service.
  if (error instanceof SlowUploadError || error instanceof NoPartBufferError)
    request.log.warn({ code: error.code }, error.message)
  else if (status >= 500) request.log.error({ err: error }, 'request failed')
  else request.log.debug({ err: error }, 'request refused')
  sendProblem(problem, request, reply)
}

export function sendProblem(problem: Problem, request: FastifyRequest, reply: FastifyReply): void {
  const { status } = catalogue[problem.slug]
  const body = `${JSON.stringify(problemBody(problem, request.id))}\n`
  reply
    .code(status)
    .headers(problem.headers ?? {})
    .header('cache-control', 'no-store')
    .type(PROBLEM_CONTENT_TYPE)
    .serializer(String)
  if (!hasLongRest(request)) {
    reply.send(body)
    return
  }
  // Closes the connection instead of reading the rest of a large body.
  reply
    .header('connection', 'close')
    .header('content-length', Buffer.byteLength(body))
    .send(lingeringResponse(body, request.raw))
}

function hasLongRest({ raw, headers }: FastifyRequest): boolean {
  if (raw.complete !== false) return false
  const length = headers['content-length']
  if (length !== undefined) return Number(length) > MAX_DRAINED_BYTES
  return headers['transfer-encoding'] !== undefined
}
