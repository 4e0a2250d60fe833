import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { DiagLogLevel, diag, ROOT_CONTEXT } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace'
import type { TracingConfig } from '../config/tracing.ts'
import type { Logger } from '../log.ts'
import { traceRequests } from './aws-requests.ts'
import { ExportQueue } from './export-queue.ts'
import { GivenIds } from './ids.ts'
import { contextOf, kinds, SpanOfOtel, typeOf } from './otel-span.ts'
import { samplerOf } from './sampler.ts'
import type { Span, SpanStart, Tracing } from './tracing.ts'

export interface OtlpTracingSettings {
  config: TracingConfig
  exporter: SpanExporter
  /** Of the process: `service.name` and what else there is to say. */
  resource: Record<string, string>
  log: Pick<Logger, 'warn' | 'info'>
}

/** How long an invocation of a function waits for its spans to leave, in milliseconds. */
const INVOCATION_MS = 1_000

/** The spans of a process, by OTLP over HTTP to whoever takes them. */
export function createOtlpTracing(settings: OtlpTracingSettings): Tracing {
  const { config, exporter, resource, log } = settings
  // Where the libraries say what they had to pass over; an answer that takes a part of a request alone, for one.
  diag.setLogger(diagTo(log), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true })
  const queue = new ExportQueue({ exporter, log })
  const idGenerator = new GivenIds()
  const provider = new TracerProvider({
    resource: resourceFromAttributes(resource),
    sampler: samplerOf(config),
    idGenerator,
    spanProcessors: [queue],
    spanLimits: { attributeValueLengthLimit: 1_024 },
  })
  const tracer = provider.getTracer('headgate')
  const storage = new AsyncLocalStorage<SpanOfOtel | undefined>()

  function current(): SpanOfOtel | undefined {
    const span = storage.getStore()
    return span?.hasEnded ? undefined : span
  }

  function start({ name, kind = 'internal', attributes = {}, parent, ids }: SpanStart): SpanOfOtel {
    const context = parent === undefined ? (current()?.context ?? ROOT_CONTEXT) : contextOf(parent)
    const options = { kind: kinds[kind], attributes: { ...attributes } }
    return new SpanOfOtel(idGenerator.give(ids, () => tracer.startSpan(name, options, context)))
  }

  async function inSpan<T>(it: SpanStart, run: (span: Span) => Promise<T>): Promise<T> {
    const span = start(it)
    try {
      return await storage.run(span, () => run(span))
    } catch (error) {
      span.fail(typeOf(error))
      throw error
    } finally {
      span.end()
    }
  }

  async function flush(withinMs: number): Promise<void> {
    const timeUp = new AbortController()
    const time = delay(withinMs, undefined, { signal: timeUp.signal }).catch(() => undefined)
    await Promise.race([queue.forceFlush(), time])
    timeUp.abort()
  }

  const tracing: Tracing = {
    start,
    current,
    within: (span, run) => storage.run(span as SpanOfOtel | undefined, run),
    inSpan,
    requests: handler => traceRequests(handler, tracing),
    flushed: handler =>
      async function flushed(...args) {
        try {
          return await handler(...args)
        } finally {
          // An endpoint that took nothing last time is not waited for: it has to prove itself beside the work.
          await flush(queue.isFailing ? 0 : INVOCATION_MS)
        }
      },
    counts: () => queue.counts(),
    flush,
    async close(withinMs) {
      await flush(withinMs)
      await queue.shutdown()
    },
  }
  return tracing
}

function diagTo(log: Pick<Logger, 'warn'>) {
  const tell = (message: string) => log.warn({ from: 'opentelemetry' }, message)
  const nothing = () => undefined
  return { error: tell, warn: tell, info: nothing, debug: nothing, verbose: nothing }
}
