import { apiConfigSchema } from '../../platform/config/api.ts'
import { tracingProperties } from '../../platform/config/tracing.ts'
import { workerConfigSchema } from '../../platform/config/worker.ts'

/** Less than a pipeline waits for a child at a stop. A person at a terminal does not wait for half a minute. */
const DEFAULTS = { SHUTDOWN_TIMEOUT_MS: '8000' }

/** But for a secret of an account: there is none here. */
const TRACES = Object.keys(tracingProperties).filter(name => name !== 'OTLP_HEADERS_SECRET_ARN')

/**
 * What a person may tune by their own environment: bounds, paces, transforms and traces, which mean the same wherever it runs. Any other
 * variable of the api or the worker may be there for something else (`PORT`, `HOST`), and `npm start` sets what it needs.
 */
const TUNABLE = new Set([
  'LOG_LEVEL',
  'FAILOVER_TIME_MS',
  'SHARD_CONCURRENCY',
  'TRANSFORMS',
  'OUTBOX_INTERVAL_MS',
  'OUTBOX_GRACE_MS',
  'MAX_UPLOAD_BYTES',
  'MAX_JSON_BYTES',
  'EVENT_PUT_TIMEOUT_MS',
  ...TRACES,
])

// From the schemas, so that a variable they gain stays out until it is named above.
const OURS = new Set([apiConfigSchema, workerConfigSchema].flatMap(({ properties }) => Object.keys(properties)))

/**
 * The environment of a child. What the person has set for AWS stays out, all of it: a profile, a session or an endpoint of
 * theirs must never mix with the embedded one, least of all to reach a real account. So does what configures the api and the
 * worker, but for what is tunable.
 */
export function childEnv(
  inherited: NodeJS.ProcessEnv,
  aws: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>>,
): NodeJS.ProcessEnv {
  const kept = Object.entries(inherited).filter(([name]) => !name.startsWith('AWS_') && isInherited(name))
  return { ...DEFAULTS, ...Object.fromEntries(kept), AWS_EC2_METADATA_DISABLED: 'true', ...aws, ...own }
}

function isInherited(name: string): boolean {
  return TUNABLE.has(name) || !OURS.has(name)
}
