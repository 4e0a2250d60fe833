import type { FastifyReply, FastifyRequest } from 'fastify'
import { NoPartBufferError, SlowUploadError } from '../../platform/s3/memory-pool.ts'
import { lingeringAnswer } from '../http/lingering-close.ts'
import { catalogue } from './catalogue.ts'
import { problemFromError } from './error-to-problem.ts'
import { PROBLEM_CONTENT_TYPE, type Problem, problemBody } from './problem.ts'

/** A body up to this size is read to its end after an error, so that the connection can go on, in bytes. */
const WORTH_READING = 64 * 1024

/** Answers with a problem, and logs what a person on our side has to know. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = problemFromError(error)
  const { status } = catalogue[problem.slug]
  // Clients can make memory short, and an attack must not look like a fault of ours.
  if (error instanceof SlowUploadError || error instanceof NoPartBufferError)
    request.log.warn({ code: error.code }, error.message)
  else if (status >= 500) request.log.error({ err: error }, 'request failed')
  else request.log.debug({ err: error }, 'request refused')
  sendProblem(problem, request, reply)
}

export function sendProblem(problem: Problem, request: FastifyRequest, reply: FastifyReply): void {
  const { status } = catalogue[problem.slug]
  const body = JSON.stringify(problemBody(problem, request.id))
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
  // The rest of a large body would be read only to be thrown away.
  reply
    .header('connection', 'close')
    .header('content-length', Buffer.byteLength(body))
    .send(lingeringAnswer(body, request.raw))
}

function hasLongRest({ raw, headers }: FastifyRequest): boolean {
  if (raw.complete !== false) return false
  const length = headers['content-length']
  if (length !== undefined) return Number(length) > WORTH_READING
  return headers['transfer-encoding'] !== undefined
}
