import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import type { SpanExporter } from '@opentelemetry/sdk-trace'
import { otlpUrl, pairsOf, type TracingConfig, xrayUrl } from '../config/tracing.ts'

export { createOtlpTracing } from './otlp-tracing.ts'

/** How long a request of spans may take, its retries included, in milliseconds. */
const EXPORT_TIMEOUT_MS = 5_000

/**
 * What sends spans to where the configuration says. This file is the one door to all that exporting takes: the image has it bundled
 * for itself, so that programs which never open it are cut into no more files for its sake.
 *
 * @throws what reading a secret throws
 */
export async function createExporter(config: TracingConfig & { AWS_REGION: string }): Promise<SpanExporter> {
  const { OTLP_HEADERS_SECRET_ARN: arn, AWS_REGION: region } = config
  const timeoutMs = EXPORT_TIMEOUT_MS
  if (config.OTEL_TRACES_EXPORTER === 'xray') {
    const { SignedExporter } = await import('./signed-exporter.ts')
    return new SignedExporter({ url: xrayUrl(config, region), region, timeoutMs })
  }
  const secret = arn === undefined ? '' : await (await import('./secret-headers.ts')).readHeaders(arn, region)
  const headers = { ...pairsOf(config.OTEL_EXPORTER_OTLP_HEADERS), ...pairsOf(secret) }
  return new OTLPTraceExporter({ url: otlpUrl(config), headers, timeoutMillis: timeoutMs })
}
