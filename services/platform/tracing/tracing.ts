import type { UndiciHttpHandler } from '@smithy/undici-http-handler'

/** Attributes of a span. Never include a token, a URL, a filename or content of a file. */
export type Attributes = Readonly<Record<string, string | number | boolean>>

/** https://opentelemetry.io/docs/concepts/signals/traces/#span-kind */
export type Kind = 'server' | 'client' | 'producer' | 'consumer' | 'internal'

export interface SpanOptions {
  /** A name from a small set. Put what varies into attributes. */
  name: string
  /** @default internal */
  kind?: Kind
  attributes?: Attributes
  /** The `traceparent` of a parent in another process. @default the current span. If there is none, a new trace starts */
  parent?: string | undefined
  /** A `traceparent` whose ids a new trace takes. The flags are ignored. @default random ids */
  ids?: string | undefined
}

/** A unit of work with a duration. It is exported after its end if its trace is sampled. */
export interface Span {
  /** The W3C Trace Context to pass on to services that continue the trace. */
  readonly traceparent: string
  /** True if the span will be exported. */
  readonly isRecorded: boolean
  readonly hasEnded: boolean
  set(attributes: Attributes): void
  /** Marks the span as failed. `type` is a code or the name of an error, never its message. */
  fail(type: string): void
  /** Ends the span. Later calls have no effect. */
  end(): void
}

/** Numbers of the spans of a process. */
export interface TraceCounts {
  exported: number
  /** Dropped because the queue was full, the endpoint rejected them, or the process ended. */
  dropped: number
  /** Ended, and not exported yet. */
  waiting: number
}

/** The tracing of a process. A process that exports no traces has none. */
export interface Tracing {
  start(span: SpanOptions): Span
  /** Returns the span that the calling code runs in. Undefined outside of spans and after the end of the span. */
  current(): Span | undefined
  /** Runs a function, and everything that it starts, in a span. Pass undefined to run it outside of any span. */
  within<T>(span: Span | undefined, run: () => T): T
  /** Runs a function in a new span. The span ends when the function does, and fails if the function rejects. */
  inSpan<T>(span: SpanOptions, run: (span: Span) => Promise<T>): Promise<T>
  /** Makes a handler record a span for each AWS request that is sent within a span. Returns the handler. */
  traceRequests(handler: UndiciHttpHandler): UndiciHttpHandler
  /** Wraps a Lambda handler, so that spans are exported before the environment freezes. */
  withFlush<A extends unknown[], R>(handler: (...args: A) => Promise<R>): (...args: A) => Promise<R>
  counts(): TraceCounts
  /** Exports the waiting spans. Resolves after `withinMs` milliseconds at the latest, and never rejects. */
  flush(withinMs: number): Promise<void>
  /** Flushes, and drops all further spans. */
  close(withinMs: number): Promise<void>
}

/** Runs a function in a new span, or without a span if there is no tracing. */
export function inSpan<T>(
  tracing: Pick<Tracing, 'inSpan'> | undefined,
  span: SpanOptions,
  run: (span: Span | undefined) => Promise<T>,
): Promise<T> {
  return tracing ? tracing.inSpan(span, run) : run(undefined)
}
