import { type Static, Type } from 'typebox'

/**
 * What says where traces go, by the names of https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/. Nowhere is
 * the default: a process that is told nothing sends nothing.
 */
export const tracingProperties = {
  OTEL_TRACES_EXPORTER: Type.Enum(['none', 'otlp', 'xray'], {
    default: 'none',
    description:
      'Whether spans are exported, by OTLP over HTTP. `xray`: to X-Ray in AWS_REGION, signed with the credentials of the process.',
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.String({
    format: 'http-url',
    default: 'http://localhost:4318',
    description: 'Where OTLP is taken. `/v1/traces` is put behind it.',
  }),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: Type.Optional(
    Type.String({ format: 'http-url', description: 'The same for traces alone: it is taken as it is.' }),
  ),
  OTEL_EXPORTER_OTLP_HEADERS: Type.String({
    format: 'otel-pairs',
    default: '',
    description:
      'Headers of what is exported, such as `api-key=…`: comma-separated, their values percent-encoded. Usually a secret.',
  }),
  OTLP_HEADERS_SECRET_ARN: Type.Optional(
    Type.String({
      pattern: '^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\\d{12}:secret:.+$',
      description:
        'The secret of Secrets Manager that has what OTEL_EXPORTER_OTLP_HEADERS would. It is read at the start; where it cannot be, that is logged and nothing is exported.',
    }),
  ),
  OTEL_EXPORTER_OTLP_PROTOCOL: Type.Enum(['http/protobuf'], {
    default: 'http/protobuf',
    description: 'How it is spoken.',
  }),
  OTEL_SERVICE_NAME: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      description: 'What the process is called in traces. Left out, `headgate-api` or `headgate-worker`.',
    }),
  ),
  OTEL_RESOURCE_ATTRIBUTES: Type.String({
    format: 'otel-pairs',
    default: '',
    description: 'What else is said of it, such as `deployment.environment.name=prod`: as the headers are written.',
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
      description: 'Which traces are exported. Based on the parent: those that a `traceparent` says are.',
    },
  ),
  OTEL_TRACES_SAMPLER_ARG: Type.Number({
    minimum: 0,
    maximum: 1,
    default: 1,
    description: 'Of a sampler by ratio: how many, from 0 to 1.',
  }),
}

const tracingSchema = Type.Object(tracingProperties)

export type TracingConfig = Readonly<Static<typeof tracingSchema>>

/** Where spans are sent to, by OTLP. */
export function otlpUrl(
  config: Pick<TracingConfig, 'OTEL_EXPORTER_OTLP_ENDPOINT' | 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'>,
): string {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: whole } = config
  return whole ?? `${endpoint.replace(/\/+$/, '')}/v1/traces`
}

/** Where X-Ray takes them. */
export function xrayUrl(config: Pick<TracingConfig, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'>, region: string): string {
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  return config.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? `https://xray.${region}.${domain}/v1/traces`
}

/** The pairs of a list such as `a=1,b=2%20c`. */
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

/** What is wrong with such a list; undefined where nothing is. A value is never shown, nor what may be one. */
export function faultOfPairs(list: string): string | undefined {
  const names = new Set<string>()
  for (const [index, [name, value]] of entriesOf(list).entries()) {
    if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name) || value === '')
      return `must be name=value,…: entry ${index + 1} is not`
    if (names.has(name)) return `must have each name once: entry ${index + 1} has one again`
    names.add(name)
    const decoded = decode(value)
    if (decoded === undefined) return `must have percent-encoded values: that of entry ${index + 1} cannot be decoded`
    if (!/^[\x20-\x7e]+$/.test(decoded)) return `must have values of printable ASCII: that of entry ${index + 1} is not`
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
