import { collectDefaultMetrics, Registry } from 'prom-client'
import type { Pages } from '../../platform/operator-port.ts'
import { registerTraceMetrics } from '../../platform/tracing/trace-metrics.ts'
import type { Tracing } from '../../platform/tracing/tracing.ts'
import { type ConsumerMetricsSettings, registerConsumerMetrics } from './consumer-metrics.ts'
import { createWorkMetrics, type WorkMetrics } from './work-metrics.ts'

/** What a worker counts. One for each process. */
export interface WorkerMetrics {
  /** Counts what its services do. */
  work: WorkMetrics
  /** /metrics, with what the consumer counts of itself. Once. */
  pages(of: ConsumerMetricsSettings): Pages
}

export function createWorkerMetrics(tracing?: Pick<Tracing, 'counts'>): WorkerMetrics {
  const registry = new Registry()
  if (tracing) registerTraceMetrics(registry, tracing)
  return {
    work: createWorkMetrics(registry),
    pages(of) {
      collectDefaultMetrics({ register: registry })
      registerConsumerMetrics(registry, of)
      return {
        '/metrics': async () => ({ status: 200, contentType: registry.contentType, body: await registry.metrics() }),
      }
    },
  }
}
