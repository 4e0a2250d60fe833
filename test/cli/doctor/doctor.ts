import type { Test } from 'tap'
import { checks } from '../../../services/cli/doctor/checks/index.ts'
import { doctorConfigSchema } from '../../../services/cli/doctor/config.ts'
import { type Result, runChecks } from '../../../services/cli/doctor/run-checks.ts'
import { createLocalClients, type Endpoints } from '../../../services/local/clients.ts'
import { loadConfig } from '../../../services/platform/config/load.ts'
import type { TestAws } from '../../support/aws.ts'

export interface Examined {
  /** Endpoints that replace those of the embedded AWS. */
  endpoints?: Partial<Endpoints>
  env?: Record<string, string>
  /** Ids of the checks to run. @default all */
  only?: readonly string[]
  timeoutMs?: number
  now?: () => number
}

/** Runs checks against an embedded AWS. Resolves to their results by id. */
export async function examine(
  t: Pick<Test, 'teardown'>,
  aws: TestAws,
  { endpoints, env: more, only, timeoutMs, now = Date.now }: Examined = {},
): Promise<Record<string, Result>> {
  const { s3, kinesis, dynamodb } = { ...aws.endpoints, ...endpoints }
  const clients = createLocalClients({ s3, kinesis, dynamodb })
  t.teardown(() => clients.destroy())
  const env = { ...aws.env, AWS_ENDPOINT_URL_DYNAMODB: dynamodb, ...more }
  const config = loadConfig(doctorConfigSchema, env)
  const wanted = only === undefined ? checks : checks.filter(({ id }) => only.includes(id))
  const results = await runChecks(wanted, { config, aws: clients, env, now }, timeoutMs)
  return Object.fromEntries(results.map(result => [result.id, result]))
}

/** Returns the ids of the failed checks. */
export function failures(results: Record<string, Result>): string[] {
  return Object.values(results)
    .filter(({ status }) => status === 'failed')
    .map(({ id }) => id)
}
