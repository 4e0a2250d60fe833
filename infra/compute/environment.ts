import type { ApiConfig } from '../../services/platform/config/api.ts'
import { apiConfigSchema } from '../../services/platform/config/api.ts'
import { processorConfigSchema, type WorkerConfig, workerConfigSchema } from '../../services/platform/config/worker.ts'
import type { Data } from '../data/data-stack.ts'
import { SettingsError } from '../settings/errors.ts'
import { resourceNames, type Settings } from '../settings/schema.ts'

/** The one stage of a REST API, which its URLs begin with. */
export const REST_STAGE = 'api'

/** The environment of a process: names that its schema has, and no others. */
export type Environment = Record<string, string>

type ApiVariables = Partial<Record<keyof ApiConfig, string>>
type WorkerVariables = Partial<Record<keyof WorkerConfig, string>>

/** What api and worker both read. The region is Lambda's own to give, and Fargate's is given where the task is defined. */
function shared(data: Data, settings: Settings) {
  return {
    UPLOAD_BUCKET: data.uploadBucket.name,
    STREAM_NAME: data.stream.name,
    UPLOADS_TABLE: data.uploadsTable.name,
    LOG_LEVEL: settings.logLevel,
  } satisfies ApiVariables & WorkerVariables
}

export function apiEnvironment(data: Data, settings: Settings, own: ApiVariables = {}): Environment {
  const given = {
    ...shared(data, settings),
    COGNITO_USER_POOL_ID: data.users.poolId,
    COGNITO_CLIENT_ID: data.users.clientId,
    ...(settings.flatKeys && { KEY_TEMPLATE: 'uploads/{filename}' }),
    // What it has as its stage; by a domain of its own it is at the root.
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
    // Before the stream forgets it: 20 hours of 24.
    GIVE_UP_AFTER_HOURS: String(Math.floor((settings.retentionHours * 5) / 6)),
    ...own,
  } satisfies WorkerVariables
  const schema = settings.compute === 'fargate' ? workerConfigSchema : processorConfigSchema
  return withMore(given, settings.workerEnvironment, { setting: 'workerEnvironment', schema })
}

/** Of what sweeps strays: it must not take for one what the stream still has. */
export function straysEnvironment({ retentionHours }: Settings): Pick<WorkerVariables, 'STRAY_AFTER_HOURS'> {
  return { STRAY_AFTER_HOURS: String(retentionHours + 1) }
}

interface More {
  setting: string
  schema: { properties: object }
}

/** @throws SettingsError where a variable is not one of the process, or is the template's own to give */
function withMore(given: Environment, more: Readonly<Environment>, { setting, schema }: More): Environment {
  const names = Object.keys(more)
  const faults = [
    ...names.filter(name => !(name in schema.properties)).map(name => `${setting}: ${name} is not a variable of it`),
    ...names.filter(name => name in given).map(name => `${setting}: ${name} is given by other settings`),
  ]
  if (faults.length > 0) throw new SettingsError(faults)
  return { ...given, ...more }
}
