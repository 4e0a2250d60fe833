import type { IncomingMessage } from 'node:http'
import fastifyPlugin from 'fastify-plugin'
import { ProblemError } from '../problems/problem.ts'
import { continueOnRead, waitsForContinue } from './expect-continue.ts'
import { answerHalfClosed } from './half-close.ts'
import { rememberRequests } from './pending-responses.ts'

/**
 * Headers that a request has once at most. Node takes the first or the last of two, and what stands before the api may take the
 * other: then each has checked another request.
 */
const SINGLE = new Set([
  'authorization',
  'content-encoding',
  'content-length',
  'content-type',
  'host',
  'idempotency-key',
  'traceparent',
  'x-request-id',
])

/** A name or an address, and a port, of RFC 3986: `uri-host [":" port]`. */
const HOST = /^(?:[A-Za-z0-9._~%!$&'()*+,;=-]*|\[[0-9A-Fa-fv:.]+\])(?::\d*)?$/

/** Refuses requests that somebody else could read in another way. */
export const unambiguous = fastifyPlugin(
  async app => {
    continueOnRead(app.server)
    answerHalfClosed(app.server)
    rememberRequests(app.server)

    app.addHook('onSend', async ({ raw }, reply) => {
      // Whether the body comes all the same nobody knows: it must not be taken for the next request.
      if (waitsForContinue(raw)) reply.header('connection', 'close')
    })

    app.addHook('onRequest', async ({ raw }) => {
      if (raw.httpVersionMajor !== 1)
        throw new ProblemError('bad-request', 'Only HTTP/1.1 and HTTP/1.0 are spoken.', CLOSE)
      // Node's own answer to this is no problem+json.
      if (raw.headers.host === undefined && raw.httpVersionMinor > 0) {
        throw new ProblemError('bad-request', 'The request has no Host.', CLOSE)
      }
      if (!HOST.test(raw.headers.host ?? '')) throw new ProblemError('bad-request', 'The Host is none.', CLOSE)
      // A client keeps its fragment to itself (RFC 9112, 3.2): some would route by it, others pass over it.
      if (raw.url?.includes('#')) throw new ProblemError('bad-request', 'The path has a fragment.', CLOSE)
      const twice = repeatedHeader(raw)
      if (twice !== undefined) throw new ProblemError('bad-request', `The header ${twice} is there more than once.`)
      const coding = raw.headers['transfer-encoding']
      if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
        throw new ProblemError('bad-request', 'Of transfer codings only chunked is understood.', CLOSE)
      }
      // Who speaks HTTP/1.0 alone takes the chunks for the body, or the body for none (RFC 9112, 6.1).
      if (coding !== undefined && raw.httpVersionMinor === 0) {
        throw new ProblemError('bad-request', 'HTTP/1.0 has no transfer codings.', CLOSE)
      }
    })
  },
  { name: 'unambiguous', fastify: '5.x' },
)

/** Where the body ends nobody knows for certain. */
const CLOSE = { headers: { connection: 'close' } }

function repeatedHeader({ rawHeaders }: IncomingMessage): string | undefined {
  const seen = new Set<string>()
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? ''
    if (!SINGLE.has(name)) continue
    if (seen.has(name)) return name
    seen.add(name)
  }
  return undefined
}
