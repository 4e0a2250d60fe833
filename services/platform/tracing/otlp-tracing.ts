import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { DiagLogLevel, diag, ROOT_CONTEXT } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { TracingConfig } from '../config/tracing.ts'
import type { Logger } from '../log.ts'
import { traceRequests } from './aws-requests.ts'
import { ExportQueue } from './export-queue.ts'
import { contextOf, kinds, OtelSpan, typeOf } from './otel-span.ts'
import { PresetIds } from './preset-ids.ts'
import type { Span, SpanOptions, Tracing } from './tracing.ts'

export interface OtlpTracingSettings {
  config: TracingConfig
  exporter: SpanExporter
  /** Attributes of the process, such as `service.name`. */
  resource: Record<string, string>
  log: Pick<Logger, 'warn' | 'info'>
}

/** Maximum time that a Lambda invocation waits for the export of its spans, in milliseconds. */
const INVOCATION_FLUSH_MS = 1_000

/** Creates the tracing of a process, which exports its spans through `exporter`. */
export function createOtlpTracing(settings: OtlpTracingSettings): Tracing {
  const { config, exporter, resource, log } = settings
  // The libraries report here what they skip, for example when the endpoint accepts only a part of a request.
  diag.setLogger(diagTo(log), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true })
  const queue = new ExportQueue({ exporter, log })
  const idGenerator = new PresetIds()
  const provider = new TracerProvider({
    resource: resourceFromAttributes(resource),
    sampler: samplerOf(config),
    idGenerator,
    spanProcessors: [queue],
    spanLimits: { attributeValueLengthLimit: 1_024 },
  })
  const tracer = provider.getTracer('headgate')
  const storage = new AsyncLocalStorage<OtelSpan | undefined>()

  function current(): OtelSpan | undefined {
    const span = storage.getStore()
    return span?.hasEnded ? undefined : span
  }

  function start({ name, kind = 'internal', attributes = {}, parent, ids }: SpanOptions): OtelSpan {
    const context = parent === undefined ? (current()?.context ?? ROOT_CONTEXT) : contextOf(parent)
    const options = { kind: kinds[kind], attributes: { ...attributes } }
    return new OtelSpan(idGenerator.withIds(ids, () => tracer.startSpan(name, options, context)))
  }

  async function inSpan<T>(options: SpanOptions, run: (span: Span) => Promise<T>): Promise<T> {
    const span = start(options)
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
    const flushed = new AbortController()
    const timeout = delay(withinMs, undefined, { signal: flushed.signal }).catch(() => undefined)
    await Promise.race([queue.forceFlush(), timeout])
    flushed.abort()
  }

  const tracing: Tracing = {
    start,
    current,
    within: (span, run) => storage.run(span as OtelSpan | undefined, run),
    inSpan,
    traceRequests: handler => traceRequests(handler, tracing),
    withFlush: handler =>
      async function flushed(...args) {
        try {
          return await handler(...args)
        } finally {
          // After a failed export the next one runs in the background, so that a broken endpoint delays one invocation only.
          await flush(queue.isFailing ? 0 : INVOCATION_FLUSH_MS)
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
  const warn = (message: string) => log.warn({ from: 'opentelemetry' }, message)
  const ignore = () => undefined
  return { error: warn, warn, info: ignore, debug: ignore, verbose: ignore }
}

/** Returns a sampler by its name in OpenTelemetry. A `parentbased_` sampler follows the decision of the parent span. */
function samplerOf(config: Pick<TracingConfig, 'OTEL_TRACES_SAMPLER' | 'OTEL_TRACES_SAMPLER_ARG'>): Sampler {
  const { OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: ratio } = config
  const root = rootSamplerOf(name.replace('parentbased_', ''), ratio)
  return name.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root
}

function rootSamplerOf(name: string, ratio: number): Sampler {
  if (name === 'traceidratio') return new TraceIdRatioBasedSampler(ratio)
  return name === 'always_off' ? new AlwaysOffSampler() : new AlwaysOnSampler()
}
