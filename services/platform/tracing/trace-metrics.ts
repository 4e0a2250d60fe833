import { Counter, Gauge, type Registry } from 'prom-client'
import type { Tracing } from './tracing.ts'

/** What became of the spans of a process, read when somebody asks. */
export function registerTraceMetrics(registry: Registry, tracing: Pick<Tracing, 'counts'>): void {
  const registers = [registry]
  const counters = [
    ['headgate_spans_exported_total', 'Spans of traces that the endpoint took.', 'exported'],
    [
      'headgate_spans_dropped_total',
      'Spans that it did not take, or that there was no room or no time for.',
      'dropped',
    ],
  ] as const
  for (const [name, help, count] of counters) {
    new Counter({
      ...{ name, help, registers },
      collect() {
        this.reset()
        this.inc(tracing.counts()[count])
      },
    })
  }
  new Gauge({
    ...{ name: 'headgate_spans_waiting', help: 'Spans that have ended and are not on their way yet.', registers },
    collect() {
      this.set(tracing.counts().waiting)
    },
  })
}
