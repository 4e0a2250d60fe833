import { type IdGenerator, RandomIdGenerator } from '@opentelemetry/sdk-trace'
import { parseTraceparent } from './traceparent.ts'

/** Random ids, but for a span that has been given its own: its trace was named in the log before it began. */
export class GivenIds implements IdGenerator {
  readonly #random = new RandomIdGenerator()
  #next: { traceId: string; spanId: string } | undefined

  /** Has what is started within have the ids of a `traceparent`. */
  give<T>(traceparent: string | undefined, start: () => T): T {
    const given = traceparent === undefined ? undefined : parseTraceparent(traceparent)
    this.#next = given && { traceId: given.traceId, spanId: given.parentId }
    try {
      return start()
    } finally {
      this.#next = undefined
    }
  }

  generateTraceId(): string {
    return this.#next?.traceId ?? this.#random.generateTraceId()
  }

  generateSpanId(): string {
    return this.#next?.spanId ?? this.#random.generateSpanId()
  }
}
