import type { FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { Span, Tracing } from '../../platform/tracing/tracing.ts'
import { callersTraceparent, rememberTraceparent, traceparentOf } from './trace-context.ts'

/** Asked for every few seconds by whoever runs it, and of interest to nobody else. */
const UNTOLD = new Set(['/livez', '/readyz'])

/**
 * A span for each request, in the caller's trace where it names one. It has the route as the router has it and never the path, the
 * query or a header: an id, a token or a file's name may be in any of them.
 *
 * https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server
 */
export const traced = fastifyPlugin<{ tracing: Tracing }>(
  async (app, { tracing }) => {
    const spans = new WeakMap<FastifyRequest, Span>()

    app.addHook('onRequest', (request, reply, done) => {
      if (UNTOLD.has(request.routeOptions.url ?? '')) return done()
      const span = begin(tracing, request)
      spans.set(request, span)
      // Before whoever has been answered goes on: behind Lambda nothing is done after that.
      reply.raw.once('finish', () => end(span, reply.statusCode))
      // Of a request whose client has gone there is no finish.
      reply.raw.once('close', () => end(span))
      tracing.within(span, done)
    })
    // Once more: what was read of the body came by events of the connection, which are nobody's.
    app.addHook('preValidation', (request, _reply, done) => {
      const span = spans.get(request)
      if (span) tracing.within(span, done)
      else done()
    })
  },
  { name: 'traced', fastify: '5.x' },
)

function begin(tracing: Tracing, { method, protocol, raw, routeOptions: { url: route } }: FastifyRequest): Span {
  const parent = callersTraceparent(raw)
  const span = tracing.start({
    name: route === undefined ? method : `${method} ${route}`,
    kind: 'server',
    attributes: {
      'http.request.method': method,
      'url.scheme': protocol,
      'network.protocol.version': raw.httpVersion,
      ...(route !== undefined && { 'http.route': route }),
    },
    // The log has named its trace already.
    ...(parent === undefined ? { ids: traceparentOf(raw) } : { parent }),
  })
  rememberTraceparent(raw, span.traceparent)
  return span
}

function end(span: Span, status?: number): void {
  if (span.hasEnded) return
  if (status === undefined) span.fail('broken-off')
  else span.set({ 'http.response.status_code': status })
  if (status !== undefined && status >= 500) span.fail(String(status))
  span.end()
}
