import { Duration } from 'aws-cdk-lib'
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { PolicyDocument, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Architecture, DockerImageCode, DockerImageFunction, Tracing } from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'
import { acknowledge, acknowledgePrefixes } from '../../acknowledge.ts'
import { createLogGroup } from '../../running/log-group.ts'
import type { Settings } from '../../settings/schema.ts'
import type { Environment } from '../environment.ts'
import { image, lambdaEntrypoint, platformOf } from '../image.ts'

export interface FunctionSettings {
  settings: Settings
  handler: string
  environment: Environment
  statements: PolicyStatement[]
  memoryMiB: number
  timeoutSeconds: number
  /** 0: none is reserved. */
  concurrency?: number
}

/** A function of the one image, with a role of its own that may do what its statements say, and write its log. */
export function createFunction(scope: Construct, id: string, made: FunctionSettings): DockerImageFunction {
  const { settings, handler, environment, statements, memoryMiB, timeoutSeconds, concurrency = 0 } = made
  const logGroup = createLogGroup(scope, `${id}Log`, settings)
  const role = new Role(scope, `${id}Role`, {
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    inlinePolicies: { duty: new PolicyDocument({ statements }) },
  })
  // Not the managed policy for it: that one may write to every log of the account.
  logGroup.grantWrite(role)
  acknowledgePrefixes(role, statements)
  acknowledge(role, {
    'AwsSolutions-IAM5[Resource::*]':
      'Segments and spans of X-Ray are no resources: its actions can be allowed for all or for none.',
  })
  return new DockerImageFunction(scope, id, {
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
}
