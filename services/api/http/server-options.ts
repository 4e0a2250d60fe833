import type { Server } from 'node:http'
import { type FastifyHttpOptions, LogController } from 'fastify'
import type { ApiConfig } from '../../platform/config/api.ts'
import { listed } from '../../platform/config/formats.ts'
import { traceIdOf } from '../../platform/tracing/traceparent.ts'
import { createAnswerClientError } from './client-error.ts'
import { gatewayIdsOf } from './gateway-ids.ts'
import { requestIdOf } from './request-id.ts'
import { routeAgain } from './router-errors.ts'
import { traceparentOf } from './trace-context.ts'
import { trustedProxies } from './trust-proxy.ts'

const SECOND = 1_000

/** Bounds on silence. How long a request may take that keeps moving is the configuration's to say. */
const timeouts = {
  /** A connection without a byte in either direction. */
  connectionTimeout: 65 * SECOND,
  /** Longer than the 60 s of an AWS load balancer, or that would send requests into connections that are just closed. */
  keepAliveTimeout: 72 * SECOND,
} as const

type ServedBy = Pick<ApiConfig, 'CORS_ORIGINS' | 'TRUST_PROXY' | 'HEADERS_TIMEOUT_MS' | 'REQUEST_TIMEOUT_MS'>

/** How Fastify serves, on a port and behind Lambda alike. */
export function serverOptions(config: ServedBy) {
  const headersTimeout = Math.min(config.HEADERS_TIMEOUT_MS, config.REQUEST_TIMEOUT_MS)
  return {
    ...timeouts,
    requestTimeout: config.REQUEST_TIMEOUT_MS,
    // Node's 16 KiB would refuse a long token with 431 where the answer is 401.
    http: {
      headersTimeout,
      // Node looks for what is overdue this often.
      connectionsCheckingInterval: Math.min(10 * SECOND, headersTimeout / 2),
      maxHeaderSize: 128 * 1024,
      requireHostHeader: false,
    },
    trustProxy: trustedProxies(config.TRUST_PROXY),
    requestIdHeader: false,
    genReqId: request => requestIdOf(request.headers),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    childLoggerFactory: (logger, bindings, options, raw) =>
      logger.child({ ...bindings, ...gatewayIdsOf(raw.headers), traceId: traceIdOf(traceparentOf(raw)) }, options),
    frameworkErrors: routeAgain,
    clientErrorHandler: createAnswerClientError(listed(config.CORS_ORIGINS)),
    // Fastify's own answer to requests in a shutdown is no problem+json. They are served, and their connections closed.
    return503OnClosing: false,
    // A value of the wrong type is the client's mistake: turned into the right one, or left out, it would be stored as another.
    // The schemas are ours, and the tests hold them to JSON Schema's own: here that one would be compiled first, a sixth of a start.
    ajv: {
      customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, validateSchema: false },
    },
  } as const satisfies FastifyHttpOptions<Server>
}
