import { pairsOf, type TracingConfig } from '../config/tracing.ts'
import type { Logger } from '../log.ts'
import type { Tracing } from './tracing.ts'

/** What a process is to its traces. */
export interface Traced {
  config: TracingConfig & { AWS_REGION: string }
  /** As in `headgate-api`. */
  role: string
  log: Pick<Logger, 'info' | 'warn' | 'error'>
}

/**
 * Begins to trace, where the configuration says so. What it takes is loaded then and not before: a process that tells nothing
 * starts as fast, and is as large, as if none of it were there.
 *
 * Resolves to undefined where nothing is told; also where the headers cannot be had, which is logged. Uploads do not wait for that.
 */
export async function startTracing({ config, role, log }: Traced): Promise<Tracing | undefined> {
  if (config.OTEL_TRACES_EXPORTER === 'none') return undefined
  try {
    const { createExporter, createOtlpTracing } = await import('./exporting.ts')
    const exporter = await createExporter(config)
    return createOtlpTracing({ config, exporter, resource: await resourceOf(config, role), log })
  } catch (err) {
    log.error({ err }, 'no traces are exported: what exports them could not be started')
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
