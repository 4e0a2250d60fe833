/** Version, trace id, the caller's span and flags, by https://www.w3.org/TR/trace-context/. Later versions may append more fields. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

export interface TraceParent {
  traceId: string
  parentId: string
  flags: string
}

/** Parses a `traceparent`. Returns undefined if it is invalid or has a zero id. */
export function parseTraceparent(value: string): TraceParent | undefined {
  const [, version = '', traceId = '', parentId = '', flags = '', more] = TRACEPARENT.exec(value) ?? []
  const isValid = version !== '' && version !== 'ff' && (version !== '00' || more === undefined)
  if (!isValid || /^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined
  return { traceId, parentId, flags }
}

/** Returns the trace id of a `traceparent`, by which the logs of a request are found. Returns undefined if there is no valid one. */
export function traceIdOf(traceparent: string | undefined): string | undefined {
  return traceparent === undefined ? undefined : parseTraceparent(traceparent)?.traceId
}
