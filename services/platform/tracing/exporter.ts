import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import type { SpanExporter } from '@opentelemetry/sdk-trace'
import { otlpUrl, pairsOf, type TracingConfig, xrayUrl } from '../config/tracing.ts'

export { createOtlpTracing } from './otlp-tracing.ts'

/** Maximum duration of an export, retries included, in milliseconds. */
const EXPORT_TIMEOUT_MS = 5_000

/**
 * Creates the exporter that the configuration selects. This file is the only import of the libraries for exporting. The image has it as a
 * separate bundle, so that processes that export nothing do not load more files because of it.
 *
 * @throws ConfigurationError or an error of the SDK if the secret with the headers cannot be read
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
