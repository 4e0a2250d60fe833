import type { Server } from 'node:http'
import { type FastifyHttpOptions, LogController } from 'fastify'
import type { ApiConfig } from '../../platform/config/api.ts'
import { parseList } from '../../platform/config/formats.ts'
import { traceIdOf } from '../../platform/tracing/traceparent.ts'
import { createAnswerClientError } from './client-error.ts'
import { gatewayIdsOf } from './gateway-ids.ts'
import { requestIdOf } from './request-id.ts'
import { routeAgain } from './router-errors.ts'
import { traceparentOf } from './trace-context.ts'

const SECOND = 1_000

/** Limits for silent connections. The configuration limits requests that make progress. */
const timeouts = {
  /** Maximum time without a byte in either direction. */
  connectionTimeout: 65 * SECOND,
  /** Longer than the 60 s of an AWS load balancer, which would otherwise send requests on connections that are being closed. */
  keepAliveTimeout: 72 * SECOND,
} as const

type ServedBy = Pick<ApiConfig, 'CORS_ORIGINS' | 'TRUST_PROXY' | 'HEADERS_TIMEOUT_MS' | 'REQUEST_TIMEOUT_MS'>

/** Returns Fastify's options, the same for a port and for Lambda. */
export function serverOptions(config: ServedBy) {
  const headersTimeout = Math.min(config.HEADERS_TIMEOUT_MS, config.REQUEST_TIMEOUT_MS)
  return {
    ...timeouts,
    requestTimeout: config.REQUEST_TIMEOUT_MS,
    // With Node's default of 16 KiB a long token would get 431 instead of 401.
    http: {
      headersTimeout,
      // How often Node looks for requests whose headers are overdue.
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
    clientErrorHandler: createAnswerClientError(parseList(config.CORS_ORIGINS)),
    // Fastify's own response to requests during a shutdown is not problem+json. They are served, and their connections are closed.
    return503OnClosing: false,
    // A value of the wrong type is an error of the client. If it were coerced or removed, another value would be stored.
    // A test validates our schemas against the meta-schema. Compiling that here would take a sixth of the start.
    ajv: {
      customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, validateSchema: false },
    },
  } as const satisfies FastifyHttpOptions<Server>
}

/**
 * Returns the proxies whose `X-Forwarded-For` is trusted, for Fastify's `trustProxy`. Never returns a number, which trusts nobody, or
 * `true`, which trusts every client.
 *
 * @param list the validated `TRUST_PROXY`
 */
export function trustedProxies(list: string): string[] | false {
  const entries = parseList(list)
  return entries.length > 0 ? entries : false
}
