import type { Server } from 'node:http'
import { type FastifyHttpOptions, LogController } from 'fastify'
import type { ApiConfig } from '../../platform/config/api.ts'
import { sendError } from '../problems/send.ts'
import { answerClientError } from './client-error.ts'
import { requestIdOf } from './request-id.ts'
import { trustedProxies } from './trust-proxy.ts'

const SECOND = 1_000

/**
 * Bounds on what a client may take of a connection's time. The body's is long, for large files on slow lines; silence is
 * what ends an upload that has died.
 */
export const timeouts = {
  headersTimeout: 20 * SECOND,
  requestTimeout: 3_600 * SECOND,
  /** A connection without a byte in either direction. */
  connectionTimeout: 65 * SECOND,
  /** Longer than the 60 s of an AWS load balancer, or that would send requests into connections that are just closed. */
  keepAliveTimeout: 72 * SECOND,
} as const

/** How Fastify serves, on a port and behind Lambda alike. */
export function serverOptions(config: Pick<ApiConfig, 'TRUST_PROXY'>) {
  const { headersTimeout, ...times } = timeouts
  return {
    ...times,
    // Node's 16 KiB would refuse a long token with 431 where the answer is 401.
    http: { headersTimeout, maxHeaderSize: 128 * 1024, requireHostHeader: false },
    trustProxy: trustedProxies(config.TRUST_PROXY),
    requestIdHeader: false,
    genReqId: request => requestIdOf(request.headers),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    frameworkErrors: sendError,
    clientErrorHandler: answerClientError,
    // Fastify's own answer to requests in a shutdown is no problem+json. They are served, and their connections closed.
    return503OnClosing: false,
    // A value of the wrong type is the client's mistake: turned into the right one, or left out, it would be stored as another.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
  } as const satisfies FastifyHttpOptions<Server>
}
