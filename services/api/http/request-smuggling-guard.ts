import type { IncomingMessage } from 'node:http'
import fastifyPlugin from 'fastify-plugin'
import { ProblemError } from '../problems/problem.ts'
import { continueOnRead, waitsForContinue } from './expect-continue.ts'
import { trackRequests } from './pending-responses.ts'

/**
 * Headers that a request may have only once. Of two headers Node uses the first or the last, and a proxy may use the other. Then the
 * proxy and the api would check different requests.
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

/** `uri-host [":" port]` of RFC 3986: a name or an address, and a port. */
const HOST = /^(?:[A-Za-z0-9._~%!$&'()*+,;=-]*|\[[0-9A-Fa-fv:.]+\])(?::\d*)?$/

/** Rejects requests that a proxy could read in another way. */
export const requestSmugglingGuard = fastifyPlugin(
  async app => {
    continueOnRead(app.server)
    trackRequests(app.server)

    app.addHook('onSend', async ({ raw }, reply) => {
      // It is unknown whether the client still sends the body. The body must not be read as the next request.
      if (waitsForContinue(raw)) reply.header('connection', 'close')
    })

    app.addHook('onRequest', async ({ raw }) => {
      if (raw.httpVersionMajor !== 1)
        throw new ProblemError(
          'bad-request',
          `HTTP/${raw.httpVersion} is not supported. Use HTTP/1.1 or HTTP/1.0.`,
          CLOSE,
        )
      // Node's own response to this is not problem+json.
      if (raw.headers.host === undefined && raw.httpVersionMinor > 0) {
        throw new ProblemError('bad-request', 'The request has no Host header.', CLOSE)
      }
      const { host = '' } = raw.headers
      if (!HOST.test(host)) {
        throw new ProblemError(
          'bad-request',
          `The Host header is invalid: ${JSON.stringify(host.slice(0, 80))}.`,
          CLOSE,
        )
      }
      // A client must not send a fragment (RFC 9112, 3.2). Some proxies would route by it, others would ignore it.
      if (raw.url?.includes('#')) throw new ProblemError('bad-request', 'The path must not have a fragment (#).', CLOSE)
      const twice = repeatedHeader(raw)
      if (twice !== undefined) throw new ProblemError('bad-request', `The request has more than one ${twice} header.`)
      const coding = raw.headers['transfer-encoding']
      if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
        throw new ProblemError(
          'bad-request',
          `The transfer coding ${JSON.stringify(coding.slice(0, 80))} is not supported. Use chunked.`,
          CLOSE,
        )
      }
      // An HTTP/1.0 recipient would take the chunks for the body, or ignore the body (RFC 9112, 6.1).
      if (coding !== undefined && raw.httpVersionMinor === 0) {
        throw new ProblemError('bad-request', 'HTTP/1.0 does not support transfer codings.', CLOSE)
      }
    })
  },
  { name: 'request-smuggling-guard', fastify: '5.x' },
)

/** Closes the connection, because the end of the body is uncertain. */
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
