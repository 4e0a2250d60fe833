import type { FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { Span, Tracing } from '../../platform/tracing/tracing.ts'
import { callerTraceparent, setTraceparent, traceparentOf } from './trace-context.ts'

/** Routes without spans, because probes request them every few seconds. */
const UNTRACED_ROUTES = new Set(['/livez', '/readyz'])

/**
 * Creates a span for each request, in the caller's trace if the request names one. The span has the route's pattern, and never
 * the path, the query or a header, which may contain an id, a token or a file name.
 *
 * https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server
 */
export const requestSpans = fastifyPlugin<{ tracing: Tracing }>(
  async (app, { tracing }) => {
    const spans = new WeakMap<FastifyRequest, Span>()

    app.addHook('onRequest', (request, reply, done) => {
      if (UNTRACED_ROUTES.has(request.routeOptions.url ?? '')) return done()
      const span = begin(tracing, request)
      spans.set(request, span)
      // The span ends before the caller gets the response, because a Lambda function is frozen after it.
      reply.raw.once('finish', () => end(span, reply.statusCode))
      // If the client has disconnected, there is no `finish`.
      reply.raw.once('close', () => end(span))
      tracing.within(span, done)
    })
    // Set again, because the events of the connection that delivered the body run outside of the request's context.
    app.addHook('preValidation', (request, _reply, done) => {
      const span = spans.get(request)
      if (span) tracing.within(span, done)
      else done()
    })
  },
  { name: 'request-spans', fastify: '5.x' },
)

function begin(tracing: Tracing, { method, protocol, raw, routeOptions: { url: route } }: FastifyRequest): Span {
  const parent = callerTraceparent(raw)
  const span = tracing.start({
    name: route === undefined ? method : `${method} ${route}`,
    kind: 'server',
    attributes: {
      'http.request.method': method,
      'url.scheme': protocol,
      'network.protocol.version': raw.httpVersion,
      ...(route !== undefined && { 'http.route': route }),
    },
    // The log already uses this trace id.
    ...(parent === undefined ? { ids: traceparentOf(raw) } : { parent }),
  })
  setTraceparent(raw, span.traceparent)
  return span
}

function end(span: Span, status?: number): void {
  if (span.hasEnded) return
  if (status === undefined) span.fail('broken-off')
  else span.set({ 'http.response.status_code': status })
  if (status !== undefined && status >= 500) span.fail(String(status))
  span.end()
}
