import { collectDefaultMetrics, Registry } from 'prom-client'
import type { Pages } from '../../platform/operator-port.ts'
import { registerTraceMetrics } from '../../platform/tracing/trace-metrics.ts'
import type { Tracing } from '../../platform/tracing/tracing.ts'
import { type ConsumerMetricsSettings, registerConsumerMetrics } from './consumer-metrics.ts'
import { createProcessingMetrics, type ProcessingMetrics } from './processing-metrics.ts'

/** The metrics of a worker process. */
export interface WorkerMetrics {
  /** Counts the work of the services. */
  work: ProcessingMetrics
  /** Returns the page /metrics. Call it once. */
  pages(of: ConsumerMetricsSettings): Pages
}

export function createWorkerMetrics(tracing?: Pick<Tracing, 'counts'>): WorkerMetrics {
  const registry = new Registry()
  if (tracing) registerTraceMetrics(registry, tracing)
  return {
    work: createProcessingMetrics(registry),
    pages(of) {
      collectDefaultMetrics({ register: registry })
      registerConsumerMetrics(registry, of)
      return {
        '/metrics': async () => ({ status: 200, contentType: registry.contentType, body: await registry.metrics() }),
      }
    },
  }
}
