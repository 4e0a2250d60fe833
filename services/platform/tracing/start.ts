import { pairsOf, type TracingConfig } from '../config/tracing.ts'
import type { Logger } from '../log.ts'
import type { Tracing } from './tracing.ts'

/** The process whose traces are exported. */
export interface TracingSettings {
  config: TracingConfig & { AWS_REGION: string }
  /** `api` or `worker`. The service name is `headgate-` and this role. */
  role: string
  log: Pick<Logger, 'info' | 'warn' | 'error'>
}

/**
 * Starts tracing if the configuration asks for it. The libraries are loaded only then, so that tracing costs nothing when it is off.
 *
 * Resolves to undefined if tracing is off. If the exporter cannot be created, logs the error and resolves to undefined too, because
 * uploads matter more than traces.
 */
export async function startTracing({ config, role, log }: TracingSettings): Promise<Tracing | undefined> {
  if (config.OTEL_TRACES_EXPORTER === 'none') return undefined
  try {
    const { createExporter, createOtlpTracing } = await import('./exporter.ts')
    const exporter = await createExporter(config)
    return createOtlpTracing({ config, exporter, resource: await resourceOf(config, role), log })
  } catch (err) {
    log.error({ err }, 'no traces are exported: the exporter could not be created')
    return undefined
  }
}

/** https://opentelemetry.io/docs/specs/semconv/resource/service/ */
async function resourceOf(config: TracingConfig, role: string): Promise<Record<string, string>> {
  const { randomUUID } = await import('node:crypto')
  return {
    'service.name': `headgate-${role}`,
    'service.instance.id': randomUUID(),
    ...pairsOf(config.OTEL_RESOURCE_ATTRIBUTES),
    ...(config.OTEL_SERVICE_NAME !== undefined && { 'service.name': config.OTEL_SERVICE_NAME }),
  }
}
