import type { UndiciHttpHandler } from '@smithy/undici-http-handler'

/** What is said of a span. Never a token, a URL, a name of a file or anything of its bytes. */
export type Attributes = Readonly<Record<string, string | number | boolean>>

/** https://opentelemetry.io/docs/concepts/signals/traces/#span-kind */
export type Kind = 'server' | 'client' | 'producer' | 'consumer' | 'internal'

export interface SpanStart {
  /** One of few: what differs from one time to the next is an attribute. */
  name: string
  /** Left out: internal. */
  kind?: Kind
  attributes?: Attributes
  /** A `traceparent` from elsewhere. Left out: the span that is current, and else a trace of its own. */
  parent?: string | undefined
  /** The `traceparent` to be taken as its own, where the trace is its own: its ids, not its flags. */
  ids?: string | undefined
}

/** Something that takes its time. It is exported once it has ended, if its trace is sampled. */
export interface Span {
  /** W3C Trace Context: for whatever goes on with the trace. */
  readonly traceparent: string
  /** Whether it will be exported. */
  readonly isRecorded: boolean
  readonly hasEnded: boolean
  set(attributes: Attributes): void
  /** Says that what it stands for failed: by a code or the name of an error, never by its message. */
  fail(type: string): void
  /** The first time it is called. */
  end(): void
}

/** What became of the spans of a process. */
export interface TraceCounts {
  exported: number
  /** The queue was full, the endpoint did not take them, or there was no time left. */
  dropped: number
  /** Ended and not exported yet. */
  waiting: number
}

/** How a process tells what it did. Where it tells nothing, there is none. */
export interface Tracing {
  start(span: SpanStart): Span
  /** That which the code is run within; undefined outside of any, and once it has ended. */
  current(): Span | undefined
  /** Runs something, and all that it begins, within a span; with undefined, outside of any. */
  within<T>(span: Span | undefined, run: () => T): T
  /** Runs something within a span of its own, which fails and ends with it. */
  inSpan<T>(span: SpanStart, run: (span: Span) => Promise<T>): Promise<T>
  /** Has every request that an AWS client makes within a span be a span as well. Gives the handler back. */
  requests(handler: UndiciHttpHandler): UndiciHttpHandler
  /** A function's handler that ends with an export: what is frozen afterwards exports nothing. */
  flushed<A extends unknown[], R>(handler: (...args: A) => Promise<R>): (...args: A) => Promise<R>
  counts(): TraceCounts
  /** Exports what waits. Resolves then, and after so many milliseconds at the latest. Never rejects. */
  flush(withinMs: number): Promise<void>
  /** The same, and then nothing more is exported. */
  close(withinMs: number): Promise<void>
}

/** Runs something within a span of its own, where anybody wants to know. */
export function inSpan<T>(
  tracing: Pick<Tracing, 'inSpan'> | undefined,
  span: SpanStart,
  run: (span: Span | undefined) => Promise<T>,
): Promise<T> {
  return tracing ? tracing.inSpan(span, run) : run(undefined)
}
