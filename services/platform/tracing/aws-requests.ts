import type { UndiciHttpHandler } from '@smithy/undici-http-handler'
import { awsOperation } from './aws-operation.ts'
import { typeOf } from './otel-span.ts'
import type { Tracing } from './tracing.ts'

/**
 * Has each request that is sent within a span be one itself, from its first byte to the head of its answer: each try is one, of the
 * SDK and of the direct way alike, since all pass here. What no span asked for (the consumer's reads, leases, sweeps) is none.
 *
 * https://opentelemetry.io/docs/specs/semconv/cloud-providers/aws-sdk/
 */
export function traceRequests(handler: UndiciHttpHandler, tracing: Tracing): UndiciHttpHandler {
  const send = handler.handle.bind(handler)
  handler.handle = async (request, options) => {
    if (!tracing.current()?.isRecorded) return send(request, options)
    const { service, method } = awsOperation(request)
    const span = tracing.start({
      name: `${service}.${method}`,
      kind: 'client',
      attributes: {
        'rpc.system': 'aws-api',
        'rpc.service': service,
        'rpc.method': method,
        'http.request.method': request.method,
        'server.address': request.hostname,
        ...(request.port !== undefined && { 'server.port': request.port }),
      },
    })
    try {
      const result = await send(request, options)
      const { statusCode } = result.response
      span.set({ 'http.response.status_code': statusCode })
      if (isFault(statusCode)) span.fail(String(statusCode))
      return result
    } catch (error) {
      span.fail(typeOf(error))
      throw error
    } finally {
      span.end()
    }
  }
  return handler
}

/** A condition that does not hold, an object that is not there: these are answers, which somebody asked for. */
function isFault(status: number): boolean {
  return status >= 500 || status === 401 || status === 403 || status === 429
}
