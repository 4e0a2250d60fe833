import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

const SAFE_ID = /^[A-Za-z0-9._-]{1,128}$/

/** True if logs, events and URNs can contain the id. */
export function isRequestId(id: string): boolean {
  return SAFE_ID.test(id)
}

/** Returns the caller's `x-request-id` if logs and events can contain it, else a new id. */
export function requestIdOf(headers: IncomingHttpHeaders, newId: () => string = randomUUID): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && isRequestId(given) ? given : newId()
}
