import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace'
import type { Logger } from '../log.ts'
import type { TraceCounts } from './tracing.ts'

export interface ExportQueueSettings {
  exporter: SpanExporter
  log: Pick<Logger, 'warn' | 'info'>
  /** Spans that may wait. One more is dropped. */
  most?: number
  /** Spans of one request. */
  batch?: number
  /** How long a span may wait for others to go with, in milliseconds. */
  delayMs?: number
  /** How often it is told that spans are dropped, in milliseconds. */
  tellEveryMs?: number
}

/**
 * Spans on their way out: no more wait than the queue holds, one request is under way at a time, and whatever becomes of it, nobody
 * waits for it but who flushes. What is dropped is counted, and told.
 */
export class ExportQueue implements SpanProcessor {
  readonly #settings: Required<ExportQueueSettings>
  #waiting: ReadableSpan[] = []
  #timer: NodeJS.Timeout | undefined
  #underWay: Promise<void> | undefined
  #isClosed = false
  /** Whether the last request came to nothing. */
  #isFailing = false
  #exported = 0
  #dropped = 0
  #told = { dropped: 0, at: Number.NEGATIVE_INFINITY }

  constructor(settings: ExportQueueSettings) {
    this.#settings = { most: 2_048, batch: 512, delayMs: 1_000, tellEveryMs: 60_000, ...settings }
  }

  counts(): TraceCounts {
    return { exported: this.#exported, dropped: this.#dropped, waiting: this.#waiting.length }
  }

  /** The endpoint did not take what it was sent last. */
  get isFailing(): boolean {
    return this.#isFailing
  }

  onStart(): void {
    // Nothing is known of a span before its end.
  }

  onEnd(span: ReadableSpan): void {
    const { most, batch } = this.#settings
    if (this.#isClosed || this.#waiting.length >= most) {
      this.#drop(1, 'more end than are taken')
      return
    }
    this.#waiting.push(span)
    if (this.#waiting.length >= batch) this.#begin()
    else this.#beginLater()
  }

  /** Exports everything that waits now, one request after the other. One that fails is the last. */
  async forceFlush(): Promise<void> {
    let left = this.#waiting.length
    await this.#underWay
    for (; left > 0 && this.#waiting.length > 0; left -= this.#settings.batch) {
      this.#begin()
      await this.#underWay
      if (this.#isFailing) return
    }
  }

  /** Drops what waits, and whatever ends from now on. */
  async shutdown(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    const left = this.#waiting.splice(0).length
    if (left > 0) this.#drop(left, 'there was no time left', true)
  }

  #beginLater(): void {
    this.#timer ??= setTimeout(() => this.#begin(), this.#settings.delayMs).unref()
  }

  #begin(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#underWay || this.#isClosed || this.#waiting.length === 0) return
    this.#underWay = this.#send(this.#waiting.splice(0, this.#settings.batch)).finally(() => {
      this.#underWay = undefined
      // One after the other, however many there are: the queue is the bound.
      if (this.#waiting.length >= this.#settings.batch && !this.#isFailing) this.#begin()
      else if (this.#waiting.length > 0 && !this.#isClosed) this.#beginLater()
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
    if (!isLast && now - this.#told.at < this.#settings.tellEveryMs) return
    const { dropped } = this.#told
    this.#told = { dropped: this.#dropped, at: now }
    this.#settings.log.warn({ dropped: this.#dropped - dropped, why }, 'spans of traces are dropped')
  }
}

/** The status of an answer, too, where there was one. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as { code?: unknown }
  return code === undefined || error.message.includes(String(code)) ? error.message : `${code} ${error.message}`
}
