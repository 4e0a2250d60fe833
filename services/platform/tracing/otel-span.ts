import {
  type Span as ApiSpan,
  type Context,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { parseTraceparent } from './traceparent.ts'
import type { Attributes, Kind, Span } from './tracing.ts'

export const kinds: Readonly<Record<Kind, SpanKind>> = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
}

/** Implements `Span` with a span of OpenTelemetry. */
export class OtelSpan implements Span {
  readonly traceparent: string
  readonly isRecorded: boolean
  hasEnded = false
  readonly #span: ApiSpan

  constructor(span: ApiSpan) {
    this.#span = span
    this.isRecorded = span.isRecording()
    this.traceparent = format(span.spanContext())
  }

  /** The context for child spans. */
  get context(): Context {
    return trace.setSpan(ROOT_CONTEXT, this.#span)
  }

  set(attributes: Attributes): void {
    this.#span.setAttributes(attributes)
  }

  fail(type: string): void {
    this.#span.setAttribute('error.type', type).setStatus({ code: SpanStatusCode.ERROR })
  }

  end(): void {
    if (this.hasEnded) return
    this.hasEnded = true
    this.#span.end()
  }
}

/** Returns the context for a span whose parent is in another process. An invalid `traceparent` is ignored. */
export function contextOf(traceparent: string): Context {
  const given = parseTraceparent(traceparent)
  if (!given) return ROOT_CONTEXT
  const { traceId, parentId: spanId, flags } = given
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & 1,
    isRemote: true,
  })
}

function format({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
}

/** Returns the code or the name of an error. Its message is never exported, because it may contain anything. */
export function typeOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && /^[\w.-]{1,64}$/.test(code) ? code : error.name
}
