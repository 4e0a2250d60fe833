import type { UploadsAccess } from '../../console/routes/uploads.ts'
import type { AwsClients } from '../../platform/aws.ts'
import { loadConfig } from '../../platform/config/load.ts'
import { ConfigurationError } from '../../platform/errors.ts'
import { checks } from './checks/index.ts'
import { type DoctorConfig, doctorConfigSchema, normalizeConfig } from './config.ts'
import { type Result, runChecks } from './run-checks.ts'

export interface DoctorOptions {
  env: NodeJS.ProcessEnv
  aws: Omit<AwsClients, 'destroy'>
  /** The api, and a token for it, if the environment has none. */
  uploads?: Pick<UploadsAccess, 'apiUrl' | 'getToken'> | undefined
}

/**
 * Returns a function that runs all checks with the configuration of an environment. Undefined if the environment does not describe a
 * deployment of Headgate, such as that of another application of the consumer.
 *
 * @throws UsageError if API_URL or API_TOKEN is malformed
 */
export function doctorOf({ env, aws, uploads }: DoctorOptions): (() => Promise<readonly Result[]>) | undefined {
  const config = configOf(env)
  if (!config) return undefined
  return async () => {
    const { API_URL = uploads?.apiUrl, API_TOKEN = await uploads?.getToken({ rejected: undefined }) } = config
    const withApi = { ...config, ...(API_URL && { API_URL }), ...(API_TOKEN && { API_TOKEN }) }
    return await runChecks(checks, { config: withApi, aws, env, now: Date.now })
  }
}

function configOf(env: NodeJS.ProcessEnv): DoctorConfig | undefined {
  try {
    return normalizeConfig(loadConfig(doctorConfigSchema, env))
  } catch (error) {
    if (error instanceof ConfigurationError) return undefined
    throw error
  }
}
