import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace'
import type { Logger } from '../log.ts'
import type { TraceCounts } from './tracing.ts'

export interface ExportQueueSettings {
  exporter: SpanExporter
  log: Pick<Logger, 'warn' | 'info'>
  /** Maximum number of spans in the queue. Further spans are dropped. @default 2,048 */
  maxWaiting?: number
  /** Maximum number of spans in a request. @default 512 */
  batchSize?: number
  /** How long a span waits for others in the same request, in milliseconds. @default 1,000 */
  delayMs?: number
  /** Minimum time between two warnings about dropped spans, in milliseconds. @default 60,000 */
  logIntervalMs?: number
}

/**
 * A bounded queue of spans for export. One request is in flight at a time. Only `forceFlush` waits for requests, so a slow endpoint never
 * delays the process. Dropped spans are counted and logged.
 */
export class ExportQueue implements SpanProcessor {
  readonly #settings: Required<ExportQueueSettings>
  #waiting: ReadableSpan[] = []
  #timer: NodeJS.Timeout | undefined
  #inFlight: Promise<void> | undefined
  #isClosed = false
  #isFailing = false
  #exported = 0
  #dropped = 0
  #lastWarning = { dropped: 0, at: Number.NEGATIVE_INFINITY }

  constructor(settings: ExportQueueSettings) {
    this.#settings = { maxWaiting: 2_048, batchSize: 512, delayMs: 1_000, logIntervalMs: 60_000, ...settings }
  }

  counts(): TraceCounts {
    return { exported: this.#exported, dropped: this.#dropped, waiting: this.#waiting.length }
  }

  /** True if the last request failed. */
  get isFailing(): boolean {
    return this.#isFailing
  }

  onStart(): void {
    // Spans are queued when they end.
  }

  onEnd(span: ReadableSpan): void {
    const { maxWaiting, batchSize } = this.#settings
    if (this.#isClosed || this.#waiting.length >= maxWaiting) {
      this.#drop(1, this.#isClosed ? 'the exporter is closed' : 'the queue is full')
      return
    }
    this.#waiting.push(span)
    if (this.#waiting.length >= batchSize) this.#startRequest()
    else this.#startRequestLater()
  }

  /** Exports all spans that wait now, batch by batch. Stops at the first request that fails. */
  async forceFlush(): Promise<void> {
    let left = this.#waiting.length
    await this.#inFlight
    for (; left > 0 && this.#waiting.length > 0; left -= this.#settings.batchSize) {
      this.#startRequest()
      await this.#inFlight
      if (this.#isFailing) return
    }
  }

  /** Drops the waiting spans, and all spans that end from now on. */
  async shutdown(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    const left = this.#waiting.splice(0).length
    if (left > 0) this.#drop(left, 'the process ended before they were exported', true)
  }

  #startRequestLater(): void {
    this.#timer ??= setTimeout(() => this.#startRequest(), this.#settings.delayMs).unref()
  }

  #startRequest(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#inFlight || this.#isClosed || this.#waiting.length === 0) return
    this.#inFlight = this.#send(this.#waiting.splice(0, this.#settings.batchSize)).finally(() => {
      this.#inFlight = undefined
      if (this.#waiting.length >= this.#settings.batchSize && !this.#isFailing) this.#startRequest()
      else if (this.#waiting.length > 0 && !this.#isClosed) this.#startRequestLater()
    })
  }

  /** Never rejects. */
  async #send(spans: ReadableSpan[]): Promise<void> {
    const error = await new Promise<unknown>(resolve => {
      try {
        this.#settings.exporter.export(spans, ({ code, error }) => resolve(code === 0 ? undefined : (error ?? code)))
      } catch (thrown) {
        resolve(thrown)
      }
    })
    if (error === undefined) {
      this.#exported += spans.length
      if (this.#isFailing) this.#settings.log.info(this.counts(), 'spans are exported again')
      this.#isFailing = false
    } else {
      this.#isFailing = true
      this.#drop(spans.length, describe(error))
    }
  }

  #drop(spans: number, why: string, isLast = false): void {
    this.#dropped += spans
    const now = performance.now()
    if (!isLast && now - this.#lastWarning.at < this.#settings.logIntervalMs) return
    const { dropped } = this.#lastWarning
    this.#lastWarning = { dropped: this.#dropped, at: now }
    this.#settings.log.warn({ dropped: this.#dropped - dropped, why }, 'spans of traces are dropped')
  }
}

/** Returns the message of an error, with its HTTP status if it has one. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as { code?: unknown }
  return code === undefined || error.message.includes(String(code)) ? error.message : `${code} ${error.message}`
}
