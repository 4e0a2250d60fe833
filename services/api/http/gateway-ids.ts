import { AsyncLocalStorage } from 'node:async_hooks'
import type { IncomingHttpHeaders } from 'node:http'
import { isRequestId } from './request-id.ts'

/** The ids by which API Gateway names a request in its own log. */
export interface GatewayIds {
  /** `$context.requestId` */
  gatewayRequestId?: string
  /** `$context.extendedRequestId`, of a REST API only. */
  gatewayExtendedRequestId?: string
}

const current = new AsyncLocalStorage<GatewayIds>()

/** What a header may have of an id that goes into the log: visible ASCII. */
const VISIBLE = /^[\x21-\x7e]{1,128}$/

/** Runs the work of an invocation with the ids of its event, which no client can set. */
export function withGatewayIds<T>(ids: GatewayIds, work: () => T): T {
  return current.run(ids, work)
}

/**
 * Returns the gateway's ids of a request, for every line of its log. Without an event: the `x-request-id` that cannot be the request's
 * own id, because it has characters that no key of S3 and no URN should have, as those of an HTTP API have.
 */
export function gatewayIdsOf({ 'x-request-id': given }: IncomingHttpHeaders): GatewayIds {
  const ids = current.getStore()
  if (ids) return ids
  if (typeof given !== 'string' || isRequestId(given) || !VISIBLE.test(given)) return {}
  return { gatewayRequestId: given }
}
