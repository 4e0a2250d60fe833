import { Duration } from 'aws-cdk-lib'
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { PolicyDocument, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Architecture, DockerImageCode, DockerImageFunction, Tracing } from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'
import { acknowledge, acknowledgePrefixes } from '../../acknowledge.ts'
import type { Data } from '../../data/data-stack.ts'
import { createLogGroup } from '../../monitoring/log-group.ts'
import { keyStatements } from '../../permissions/key-statements.ts'
import type { Settings } from '../../settings/schema.ts'
import type { Environment } from '../environment.ts'
import { image, lambdaEntrypoint, platformOf } from '../image.ts'

export interface FunctionSettings {
  settings: Settings
  data: Data
  handler: string
  environment: Environment
  statements: PolicyStatement[]
  memoryMiB: number
  timeoutSeconds: number
  /** Reserved concurrency. 0 reserves none. */
  concurrency?: number
}

/** Creates a function of the one image, with a role that allows its statements, the use of its data's keys, and its log. */
export function createFunction(scope: Construct, id: string, functionSettings: FunctionSettings): DockerImageFunction {
  const {
    settings,
    data,
    handler,
    environment,
    statements,
    memoryMiB,
    timeoutSeconds,
    concurrency = 0,
  } = functionSettings
  const logGroup = createLogGroup(scope, `${id}Log`, settings)
  const role = new Role(scope, `${id}Role`, {
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    inlinePolicies: {
      duty: new PolicyDocument({ statements: [...statements, ...keyStatements(statements, data.dataKeyArns)] }),
    },
  })
  // Not AWSLambdaBasicExecutionRole, which allows writing to every log of the account.
  logGroup.grantWrite(role)
  acknowledgePrefixes(role, statements)
  acknowledge(role, {
    'AwsSolutions-IAM5[Resource::*]':
      'X-Ray has no resources for segments and spans: its actions are allowed for all of them or for none.',
  })
  const created = new DockerImageFunction(scope, id, {
    code: DockerImageCode.fromImageAsset(image.directory, {
      target: image.target,
      platform: platformOf(settings),
      entrypoint: [...lambdaEntrypoint],
      cmd: [handler],
    }),
    architecture: settings.architecture === 'arm64' ? Architecture.ARM_64 : Architecture.X86_64,
    role,
    logGroup,
    environment,
    memorySize: memoryMiB,
    timeout: Duration.seconds(timeoutSeconds),
    tracing: settings.tracing === 'xray' ? Tracing.ACTIVE : Tracing.DISABLED,
    ...(concurrency > 0 && { reservedConcurrentExecutions: concurrency }),
  })
  acknowledge(created, {
    CKV_AWS_116:
      'The api answers its caller, schedules run again, and the mapping of the stream reports to a queue of its own.',
    CKV_AWS_117:
      'The function calls AWS’s services alone, over TLS and by its role. There is nothing in a VPC for it to reach.',
    CKV_AWS_173: 'No variable is a secret: they are names of resources, sizes and times. AWS’s own key encrypts them.',
    ...(concurrency === 0 && {
      CKV_AWS_115:
        'Reserving takes concurrency from the rest of the account. See apiConcurrency and processorConcurrency.',
    }),
  })
  return created
}
