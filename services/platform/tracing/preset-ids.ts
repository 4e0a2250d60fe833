import { type IdGenerator, RandomIdGenerator } from '@opentelemetry/sdk-trace'
import { parseTraceparent } from './traceparent.ts'

/** Generates random ids, except for a span with preset ids: its trace id was logged before the span started. */
export class PresetIds implements IdGenerator {
  readonly #random = new RandomIdGenerator()
  #preset: { traceId: string; spanId: string } | undefined

  /** Starts a span with the ids of a `traceparent`. */
  withIds<T>(traceparent: string | undefined, start: () => T): T {
    const given = traceparent === undefined ? undefined : parseTraceparent(traceparent)
    this.#preset = given && { traceId: given.traceId, spanId: given.parentId }
    try {
      return start()
    } finally {
      this.#preset = undefined
    }
  }

  generateTraceId(): string {
    return this.#preset?.traceId ?? this.#random.generateTraceId()
  }

  generateSpanId(): string {
    return this.#preset?.spanId ?? this.#random.generateSpanId()
  }
}
