import { findPackageJSON } from 'node:module'
import path from 'node:path'
import { LOOPBACK_ORIGINS } from '../../platform/origins.ts'

/** Set for a child that loads its code and then waits for its variables. */
export const STANDBY_VARIABLE = 'HEADGATE_STANDBY'

/** Halves the CPU time that a process takes to start, from its second start on. Node ignores a folder that it cannot write. */
export const compileCache = {
  NODE_COMPILE_CACHE: path.join(findPackageJSON(import.meta.url) ?? '', '../node_modules/.cache/compiled'),
}

/**
 * A shutdown ends before the pipeline kills its children, because a person at a terminal does not wait for half a
 * minute. All servers listen on the loopback address, pages that this machine serves may call the api, and webhooks may be sent to
 * receivers on this machine.
 */
const DEFAULTS = {
  ...compileCache,
  SHUTDOWN_TIMEOUT_MS: '8000',
  ADMIN_HOST: '127.0.0.1',
  HEALTH_HOST: '127.0.0.1',
  CORS_ORIGINS: LOOPBACK_ORIGINS.join(','),
  NOTIFICATIONS_ALLOW_ADDRESSES: '127.0.0.0/8,::1',
}

/** Variables of the api and the worker that `npm start` sets itself, with the reason why it cannot take another value. */
export const fixedVariables: ReadonlyMap<string, string> = new Map([
  ...[
    'AWS_REGION',
    'UPLOAD_BUCKET',
    'PROCESSED_BUCKET',
    'STREAM_NAME',
    'UPLOADS_TABLE',
    'APPLICATION_NAME',
    'COGNITO_USER_POOL_ID',
    'COGNITO_CLIENT_ID',
    'COGNITO_ISSUER',
    'COGNITO_JWKS_URL',
    'S3_PUBLIC_ENDPOINT',
  ].map((name): [string, string] => [name, 'the embedded AWS has its own']),
  ['HOST', 'the api listens on 127.0.0.1'],
  ['PORT', 'use npm start -- --port'],
  ['WORKER_ID', 'two workers run'],
  ['HEALTH_PORT', 'two workers run'],
  ['OTLP_HEADERS_SECRET_ARN', 'the embedded AWS has no Secrets Manager'],
])

/**
 * Returns the environment of a child. All `AWS_` variables of the person stay out: a profile, a session or an endpoint must never
 * mix with the embedded AWS, least of all reach a real account. Every variable of the api and the worker is passed on, except the
 * fixed ones.
 */
export function childEnv(
  inherited: NodeJS.ProcessEnv,
  aws: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>>,
): NodeJS.ProcessEnv {
  const kept = Object.entries(inherited).filter(([name]) => !name.startsWith('AWS_') && !fixedVariables.has(name))
  return { ...DEFAULTS, ...Object.fromEntries(kept), AWS_EC2_METADATA_DISABLED: 'true', ...aws, ...own }
}

/**
 * Returns a sentence for each variable of the api or the worker that is set and has no effect. `AWS_REGION` and `HOST` are set in
 * many shells for other programs, and get none.
 */
export function ignoredVariables(inherited: NodeJS.ProcessEnv): string[] {
  return [...fixedVariables]
    .filter(([name]) => inherited[name] !== undefined && name !== 'AWS_REGION' && name !== 'HOST')
    .map(([name, reason]) => `npm start ignores ${name}: ${reason}.`)
}
