import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { catalogue, type ProblemSlug } from '../problems/catalogue.ts'
import { PROBLEM_CONTENT_TYPE, problemBody } from '../problems/problem.ts'
import { outstandingAnswers } from './outstanding.ts'

const kinds: Readonly<Record<string, { slug: ProblemSlug; detail: string }>> = {
  HPE_HEADER_OVERFLOW: {
    slug: 'headers-too-large',
    detail: 'The headers of the request are larger than the api reads.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: { slug: 'request-timeout', detail: 'The request did not arrive in time.' },
}

const otherwise = { slug: 'bad-request', detail: 'This is not a request of HTTP/1.1.' } as const

/** Answers what Node could not read as a request: there is only a socket to write on. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
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
  const body = JSON.stringify(problemBody(problem, randomUUID()))
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `content-type: ${PROBLEM_CONTENT_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
