import { AsyncLocalStorage } from 'node:async_hooks'
import type { IncomingHttpHeaders } from 'node:http'
import { isRequestId } from './request-id.ts'

/** The ids of a request in the log of API Gateway. */
export interface GatewayIds {
  /** `$context.requestId` */
  gatewayRequestId?: string
  /** `$context.extendedRequestId`. Only for a REST API. */
  gatewayExtendedRequestId?: string
}

const current = new AsyncLocalStorage<GatewayIds>()

/** The characters that an id from a header may have in the log: visible ASCII. */
const VISIBLE = /^[\x21-\x7e]{1,128}$/

/** Runs the work of an invocation with the ids of its event, which no client can set. */
export function withGatewayIds<T>(ids: GatewayIds, work: () => T): T {
  return current.run(ids, work)
}

/**
 * Returns the gateway's ids of a request, for every line of its log. Without an event it returns an `x-request-id` that can't
 * be the request's own id. The ids of an HTTP API have characters that are not allowed in S3 keys and URNs.
 */
export function gatewayIdsOf({ 'x-request-id': given }: IncomingHttpHeaders): GatewayIds {
  const ids = current.getStore()
  if (ids) return ids
  if (typeof given !== 'string' || isRequestId(given) || !VISIBLE.test(given)) return {}
  return { gatewayRequestId: given }
}
