import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { parseTraceparent } from '../../platform/tracing/traceparent.ts'

/** Asked for by the logger and by the route: the same answer for one request. */
const known = new WeakMap<IncomingMessage, string>()

/**
 * The `traceparent` that a request goes on with: in the caller's trace where it names one, else in a new one, and in either
 * as a span of our own.
 */
export function traceparentOf(request: IncomingMessage): string {
  const before = known.get(request)
  if (before !== undefined) return before
  const traceparent = callersTraceparent(request)
  const given = traceparent === undefined ? undefined : parseTraceparent(traceparent)
  const bytes = randomBytes(24).toString('hex')
  const { traceId, flags } = given ?? { traceId: bytes.slice(16), flags: '01' }
  const made = `00-${traceId}-${bytes.slice(0, 16)}-${flags}`
  known.set(request, made)
  return made
}

/** Has the request go on with the `traceparent` of a span that is told of. */
export function rememberTraceparent(request: IncomingMessage, traceparent: string): void {
  known.set(request, traceparent)
}

/** The caller's own, where it is one. */
export function callersTraceparent({ headers: { traceparent } }: IncomingMessage): string | undefined {
  return typeof traceparent === 'string' && parseTraceparent(traceparent) ? traceparent : undefined
}
