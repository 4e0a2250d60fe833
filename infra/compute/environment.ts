import type { ApiConfig } from '../../services/platform/config/api.ts'
import { apiConfigSchema } from '../../services/platform/config/api.ts'
import { processorConfigSchema, type WorkerConfig, workerConfigSchema } from '../../services/platform/config/worker.ts'
import type { Data } from '../data/data-stack.ts'
import { SettingsError } from '../settings/errors.ts'
import { resourceNames, type Settings } from '../settings/schema.ts'

/** The only stage of a REST API. The paths of its URLs begin with it. */
export const REST_STAGE = 'api'

/** The environment variables of a process. Its schema knows every one. */
export type Environment = Record<string, string>

type ApiVariables = Partial<Record<keyof ApiConfig, string>>
type WorkerVariables = Partial<Record<keyof WorkerConfig, string>>

/** The variables of api and worker. Lambda sets AWS_REGION itself; for Fargate the task definition sets it. */
function shared(data: Data, settings: Settings) {
  return {
    UPLOAD_BUCKET: data.uploadBucket.name,
    STREAM_NAME: data.stream.name,
    UPLOADS_TABLE: data.uploadsTable.name,
    LOG_LEVEL: settings.logLevel,
    ...(settings.scanner !== 'none' && { SCANNER: settings.scanner }),
  } satisfies ApiVariables & WorkerVariables
}

export function apiEnvironment(data: Data, settings: Settings, own: ApiVariables = {}): Environment {
  const given = {
    ...shared(data, settings),
    COGNITO_USER_POOL_ID: data.users.poolId,
    COGNITO_CLIENT_ID: data.users.clientId,
    ...(settings.flatKeys && { KEY_TEMPLATE: 'uploads/{filename}' }),
    // The stage is in the path, except with a custom domain.
    ...(settings.gateway === 'rest' && settings.domainName === undefined && { PUBLIC_PATH: `/${REST_STAGE}` }),
    ...(settings.corsOrigins !== '' && { CORS_ORIGINS: settings.corsOrigins }),
    ...own,
  } satisfies ApiVariables
  return withMore(given, settings.apiEnvironment, { setting: 'apiEnvironment', schema: apiConfigSchema })
}

export function workerEnvironment(data: Data, settings: Settings, own: WorkerVariables = {}): Environment {
  const given = {
    ...shared(data, settings),
    PROCESSED_BUCKET: data.processedBucket.name,
    APPLICATION_NAME: resourceNames(settings).application,
    METRICS_NAMESPACE: resourceNames(settings).metrics,
    // Five sixths of the retention, such as 20 of 24 hours, so that a dead letter is written before the record expires.
    GIVE_UP_AFTER_HOURS: String(Math.floor((settings.retentionHours * 5) / 6)),
    ...(settings.clamdUrl !== undefined && { CLAMD_URL: settings.clamdUrl }),
    ...own,
  } satisfies WorkerVariables
  const schema = settings.compute === 'fargate' ? workerConfigSchema : processorConfigSchema
  return withMore(given, settings.workerEnvironment, { setting: 'workerEnvironment', schema })
}

/** Environment of the sweep of orphaned objects, which must not touch an upload whose event is still in the stream. */
export function orphansEnvironment({ retentionHours }: Settings): Pick<WorkerVariables, 'STRAY_AFTER_HOURS'> {
  return { STRAY_AFTER_HOURS: String(retentionHours + 1) }
}

interface More {
  setting: string
  schema: { properties: object }
}

/** @throws SettingsError if the process does not know a variable, or another setting determines it */
function withMore(given: Environment, more: Readonly<Environment>, { setting, schema }: More): Environment {
  const names = Object.keys(more)
  const faults = [
    ...names.filter(name => !(name in schema.properties)).map(name => `${setting}: there is no variable ${name}`),
    ...names.filter(name => name in given).map(name => `${setting}: ${name} is determined by other settings`),
  ]
  if (faults.length > 0) throw new SettingsError(faults)
  return { ...given, ...more }
}
