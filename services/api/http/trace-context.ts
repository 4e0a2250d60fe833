import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { parseTraceparent } from '../../platform/tracing/traceparent.ts'

/** The `traceparent` of each request, which the logger and the route share. */
const known = new WeakMap<IncomingMessage, string>()

/**
 * Returns the `traceparent` of a request, with a span id of our own. The trace is the caller's if the request names one, else a new one.
 */
export function traceparentOf(request: IncomingMessage): string {
  const before = known.get(request)
  if (before !== undefined) return before
  const traceparent = callerTraceparent(request)
  const given = traceparent === undefined ? undefined : parseTraceparent(traceparent)
  const bytes = randomBytes(24).toString('hex')
  const { traceId, flags } = given ?? { traceId: bytes.slice(16), flags: '01' }
  const own = `00-${traceId}-${bytes.slice(0, 16)}-${flags}`
  known.set(request, own)
  return own
}

/** Sets the `traceparent` of a request to that of an exported span. */
export function setTraceparent(request: IncomingMessage, traceparent: string): void {
  known.set(request, traceparent)
}

/** Returns the caller's `traceparent` if it is valid. */
export function callerTraceparent({ headers: { traceparent } }: IncomingMessage): string | undefined {
  return typeof traceparent === 'string' && parseTraceparent(traceparent) ? traceparent : undefined
}
