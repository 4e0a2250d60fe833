import { Counter, Gauge, type Registry } from 'prom-client'
import type { Tracing } from './tracing.ts'

/** Registers Prometheus metrics of the spans of a process. They are read when the registry is scraped. */
export function registerTraceMetrics(registry: Registry, tracing: Pick<Tracing, 'counts'>): void {
  const registers = [registry]
  const counters = [
    ['headgate_spans_exported_total', 'Spans that were exported.', 'exported'],
    [
      'headgate_spans_dropped_total',
      'Spans that were dropped because the endpoint rejected them, the queue was full or the process ended.',
      'dropped',
    ],
  ] as const
  for (const [name, help, count] of counters) {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(tracing.counts()[count])
      },
    })
  }
  new Gauge({
    name: 'headgate_spans_waiting',
    help: 'Spans in the queue that are not being sent yet.',
    registers,
    collect() {
      this.set(tracing.counts().waiting)
    },
  })
}
