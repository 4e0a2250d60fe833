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
  /** What functions and processes of ours call AWS through. */
  proxies: Proxies
  /** Clients with the rights of the account's root, past the proxies. */
  clients: AwsClients
  /** The image's folder `/app`, on this machine. */
  app: string
  outputs: Readonly<Record<string, string>>
  /** The name of the stack that computes. */
  stack: string
  users: { demo: SecondUser; other: SecondUser }
  /** Where clients reach the api: the output `ApiUrl` on Lambda, and the api's own address on Fargate. */
  apiUrl: string
  /** The function that processes, where one does. */
  processor: string | undefined
  /** What tells more where something failed: the log of the tasks, or of ministack. */
  logs(): string
}

/** What can be set of a deployment: the context of the CDK app. */
export type Context = Readonly<Record<string, string>>

/** Deploys for as long as the test. */
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

/** What ministack cannot do otherwise, or what would take the test a quarter of an hour. All else is as CDK makes it. */
function adapted(template: CloudFormation): CloudFormation {
  return withReadsOfAnyStream(withoutUnknown(withQuickSchedules(withCode(template))))
}

/** What the image and AWS set, and where the services are. */
function functionVariables({ env }: Proxies): Record<string, string> {
  return {
    ...env,
    AWS_REGION: REGION,
    AWS_EC2_METADATA_DISABLED: 'true',
    NODE_ENV: 'production',
    NODE_OPTIONS: `--max-semi-space-size=2 ${env.NODE_OPTIONS}`,
  }
}
