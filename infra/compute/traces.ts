import type { TracingConfig } from '../../services/platform/config/tracing.ts'
import type { Settings } from '../settings/schema.ts'

type TraceVariables = Partial<Record<keyof TracingConfig, string>>

/** Returns the variables that configure tracing, which are empty if it is off. */
export function tracesOf(settings: Settings): TraceVariables {
  const { tracing, otlpEndpoint, otlpHeadersSecretArn, tracePercent } = settings
  if (tracing === 'off') return {}
  return {
    OTEL_TRACES_EXPORTER: tracing,
    ...(otlpEndpoint !== undefined && { OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint }),
    ...(otlpHeadersSecretArn !== undefined && { OTLP_HEADERS_SECRET_ARN: otlpHeadersSecretArn }),
    ...(tracePercent < 100 && {
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: String(tracePercent / 100),
    }),
  }
}

/** Returns the port of the OTLP endpoint, which tasks must be allowed to reach, unless it is 443. */
export function otlpPort({ otlpEndpoint }: Pick<Settings, 'otlpEndpoint'>): number | undefined {
  if (otlpEndpoint === undefined) return undefined
  const { port, protocol } = new URL(otlpEndpoint)
  const number = Number(port) || (protocol === 'https:' ? 443 : 80)
  return number === 443 ? undefined : number
}
