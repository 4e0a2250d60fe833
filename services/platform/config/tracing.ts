import { type Static, Type } from 'typebox'

/**
 * Where traces are exported, by the variables of https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/. By default
 * nothing is exported.
 */
export const tracingProperties = {
  OTEL_TRACES_EXPORTER: Type.Enum(['none', 'otlp', 'xray'], {
    default: 'none',
    description:
      'Where spans are exported. `otlp` sends them by OTLP over HTTP. `xray` sends them to X-Ray in AWS_REGION, signed with the credentials of the process.',
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.String({
    format: 'http-url',
    default: 'http://localhost:4318',
    description: 'The base URL of the OTLP collector. `/v1/traces` is appended.',
  }),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: Type.Optional(
    Type.String({
      format: 'http-url',
      description: 'The full URL for traces. Overrides OTEL_EXPORTER_OTLP_ENDPOINT, and nothing is appended.',
    }),
  ),
  OTEL_EXPORTER_OTLP_HEADERS: Type.String({
    format: 'otel-pairs',
    default: '',
    description:
      'Headers sent with each export, as comma-separated `key=value` pairs with percent-encoded values, such as `api-key=…`. Usually secret.',
  }),
  OTLP_HEADERS_SECRET_ARN: Type.Optional(
    Type.String({
      pattern: '^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\\d{12}:secret:.+$',
      description:
        'The ARN of a Secrets Manager secret whose value replaces OTEL_EXPORTER_OTLP_HEADERS. The process reads the secret when it starts. If it cannot, it logs the error and exports nothing.',
    }),
  ),
  OTEL_EXPORTER_OTLP_PROTOCOL: Type.Enum(['http/protobuf'], {
    default: 'http/protobuf',
    description: 'The OTLP protocol.',
  }),
  OTEL_SERVICE_NAME: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      description: 'The service name in traces. Unset: `headgate-api` or `headgate-worker`.',
    }),
  ),
  OTEL_RESOURCE_ATTRIBUTES: Type.String({
    format: 'otel-pairs',
    default: '',
    description:
      'Extra resource attributes, as comma-separated `key=value` pairs with percent-encoded values, such as `deployment.environment.name=prod`.',
  }),
  OTEL_TRACES_SAMPLER: Type.Enum(
    [
      'parentbased_always_on',
      'parentbased_traceidratio',
      'parentbased_always_off',
      'always_on',
      'traceidratio',
      'always_off',
    ],
    {
      default: 'parentbased_always_on',
      description: 'The sampler of traces. A `parentbased_` sampler follows the decision in the `traceparent` header.',
    },
  ),
  OTEL_TRACES_SAMPLER_ARG: Type.Number({
    minimum: 0,
    maximum: 1,
    default: 1,
    description: 'The fraction of traces, from 0 to 1, that a `traceidratio` sampler keeps.',
  }),
}

const tracingSchema = Type.Object(tracingProperties)

export type TracingConfig = Readonly<Static<typeof tracingSchema>>

/** Returns the URL that spans are sent to by OTLP. */
export function otlpUrl(
  config: Pick<TracingConfig, 'OTEL_EXPORTER_OTLP_ENDPOINT' | 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'>,
): string {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: whole } = config
  return whole ?? `${endpoint.replace(/\/+$/, '')}/v1/traces`
}

/** Returns the URL of X-Ray's OTLP endpoint. */
export function xrayUrl(config: Pick<TracingConfig, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'>, region: string): string {
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  return config.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? `https://xray.${region}.${domain}/v1/traces`
}

/** Parses a list of pairs such as `a=1,b=2%20c`. */
export function pairsOf(list: string): Record<string, string> {
  return Object.fromEntries(entriesOf(list).map(([name, value]) => [name, decodeURIComponent(value)]))
}

function entriesOf(list: string): Array<[string, string]> {
  return list
    .split(',')
    .filter(entry => entry.trim() !== '')
    .map(entry => {
      const at = entry.indexOf('=')
      return at < 0 ? [entry.trim(), ''] : [entry.slice(0, at).trim(), entry.slice(at + 1).trim()]
    })
}

/** Returns what is wrong with a list of pairs, or undefined. The message never shows a value, which may be secret. */
export function faultOfPairs(list: string): string | undefined {
  const names = new Set<string>()
  for (const [index, [name, value]] of entriesOf(list).entries()) {
    if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name) || value === '')
      return `must be a list such as name=value,name=value: entry ${index + 1} is not a pair`
    if (names.has(name)) return `must have each name once: entry ${index + 1} repeats a name`
    names.add(name)
    const decoded = decode(value)
    if (decoded === undefined)
      return `must have percent-encoded values: the value of entry ${index + 1} cannot be decoded`
    if (!/^[\x20-\x7e]+$/.test(decoded))
      return `must have values of printable ASCII: the value of entry ${index + 1} has other characters`
  }
  return undefined
}

function decode(value: string): string | undefined {
  try {
    return decodeURIComponent(value)
  } catch {
    return undefined
  }
}
