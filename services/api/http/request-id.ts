import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

const SAFE_ID = /^[A-Za-z0-9._-]{1,128}$/

/** Whether an id is one that logs, events and URNs can carry. */
export function isRequestId(id: string): boolean {
  return SAFE_ID.test(id)
}

/** The id of a request: the caller's where it is one that logs and events can carry, else a new one. */
export function requestIdOf(headers: IncomingHttpHeaders, newId: () => string = randomUUID): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && isRequestId(given) ? given : newId()
}
