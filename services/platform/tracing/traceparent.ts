/** https://www.w3.org/TR/trace-context/: version, trace id, the caller's span, flags. Later versions may have more behind them. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

export interface TraceParent {
  traceId: string
  parentId: string
  flags: string
}

/** Reads a `traceparent`. Undefined where it is none, or of nobody's trace. */
export function parseTraceparent(value: string): TraceParent | undefined {
  const [, version = '', traceId = '', parentId = '', flags = '', more] = TRACEPARENT.exec(value) ?? []
  const isOne = version !== '' && version !== 'ff' && (version !== '00' || more === undefined)
  if (!isOne || /^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined
  return { traceId, parentId, flags }
}

/** The id by which everything that one request has caused is found in the logs; undefined where nobody has given one. */
export function traceIdOf(traceparent: string | undefined): string | undefined {
  return traceparent === undefined ? undefined : parseTraceparent(traceparent)?.traceId
}
