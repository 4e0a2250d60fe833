import type { Test } from 'tap'
import type { AwsClients } from '../../../services/platform/aws.ts'
import type { CloudFormation } from '../../infra/support/synthesize.ts'
import { synthesize } from '../../infra/support/synthesize.ts'
import { REGION } from '../support/call.ts'
import { type Proxies, startProxies } from '../support/proxies.ts'
import { createClients } from '../support/resources.ts'
import { type SecondAws, startMinistack } from '../support/servers.ts'
import { createUser, type SecondUser } from '../support/users.ts'
import { withIssuer, withoutUnknown, withQuickSchedules, withReadsOfAnyStream } from './adapt.ts'
import { putCode, withCode } from './code.ts'
import { startGatewayFront } from './gateway-front.ts'
import { bootstrapAccount, createStack } from './stacks.ts'
import { startTasks } from './tasks.ts'

/** Both stacks of Headgate in an account of ministack that enforces IAM. */
export interface Deployment {
  aws: SecondAws
  /** The proxies through which our functions and processes call AWS. */
  proxies: Proxies
  /** Clients with the permissions of the account's root, which bypass the proxies. */
  clients: AwsClients
  /** The image's folder `/app`, on this machine. */
  app: string
  outputs: Readonly<Record<string, string>>
  /** The name of the compute stack. */
  stack: string
  users: { demo: SecondUser; other: SecondUser }
  /** The URL of the api: the output `ApiUrl` on Lambda, and the api's own address on Fargate. */
  apiUrl: string
  /** The name of the processor function, on Lambda. */
  processor: string | undefined
  /** Returns the log of the tasks or of ministack, for reports of failures. */
  logs(): string
}

/** The settings of a deployment: the context of the CDK app. */
export type Context = Readonly<Record<string, string>>

/** Deploys Headgate for the duration of the test. */
export async function deploy(t: Test, app: string, context: Context): Promise<Deployment> {
  const { data, compute, settings } = synthesize(t, context)
  const aws = await startMinistack(t, { auth: true })
  t.comment(`${aws.versions}, IAM enforced`)
  const proxies = await startProxies(t, aws)
  const clients = createClients(t, aws)
  await bootstrapAccount(aws, clients.s3)
  await putCode(clients.s3, app, functionVariables(proxies))

  const { s3 } = clients
  const dataName = `${settings.name}-data`
  const computeName = `${settings.name}-${settings.compute}`
  const ofData = await createStack(aws, { s3, name: dataName, template: withIssuer(data) })
  const ofCompute = await createStack(aws, { s3, name: computeName, template: adapted(compute) })
  const outputs = { ...ofData, ...ofCompute }

  const pool = { userPoolId: ofData.UserPoolId ?? '', clientId: ofData.UserPoolClientId ?? '' }
  const users = {
    demo: await createUser(aws, pool, 'demo@example.com'),
    other: await createUser(aws, pool, 'other@example.com'),
  }
  const deployed = { aws, proxies, clients, app, outputs, users, stack: computeName }
  if (settings.compute === 'fargate') {
    return { ...deployed, ...(await startTasks(t, deployed)), processor: undefined }
  }
  const apiUrl = await startGatewayFront(t, aws, ofCompute.ApiUrl ?? '')
  return { ...deployed, apiUrl, processor: outputs.ProcessorFunction, logs: () => aws.log() }
}

/**
 * Changes to the templates for what ministack does not support, or what would take a quarter of an hour. Everything
 * else is as CDK generates it.
 */
function adapted(template: CloudFormation): CloudFormation {
  return withReadsOfAnyStream(withoutUnknown(withQuickSchedules(withCode(template))))
}

/** The variables that the image and AWS set, and the endpoints of the services. */
function functionVariables({ env }: Proxies): Record<string, string> {
  return {
    ...env,
    AWS_REGION: REGION,
    AWS_EC2_METADATA_DISABLED: 'true',
    NODE_ENV: 'production',
    NODE_OPTIONS: `--max-semi-space-size=2 ${env.NODE_OPTIONS}`,
  }
}
