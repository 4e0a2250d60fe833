import { Duration, Stack } from 'aws-cdk-lib'
import {
  ContainerImage,
  CpuArchitecture,
  FargateTaskDefinition,
  type HealthCheck,
  LinuxParameters,
  LogDrivers,
  OperatingSystemFamily,
  type PortMapping,
} from 'aws-cdk-lib/aws-ecs'
import { PolicyDocument, type PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import type { Construct } from 'constructs'
import { acknowledge, acknowledgePrefixes } from '../../acknowledge.ts'
import { createLogGroup } from '../../running/log-group.ts'
import type { Settings } from '../../settings/schema.ts'
import type { Environment } from '../environment.ts'
import { image, platformOf } from '../image.ts'

export interface TaskSettings {
  settings: Settings
  command: readonly string[]
  environment: Environment
  statements: PolicyStatement[]
  cpu: number
  memoryMiB: number
  healthCheck?: HealthCheck
  portMappings?: PortMapping[]
}

/** How much sooner a process stops than its task is killed, in seconds: to say so in its log. */
const SPARE_SECONDS = 5

/** How long a process may take to stop, for the stop time-out that its task has. */
export function shutdownMs({ stopSeconds }: Pick<Settings, 'stopSeconds'>): number {
  return (stopSeconds - SPARE_SECONDS) * 1_000
}

/** One container of the one image, which cannot write to its own file system, with a role of its own. */
export function createTask(scope: Construct, id: string, made: TaskSettings): FargateTaskDefinition {
  const { settings, command, environment, statements, cpu, memoryMiB, healthCheck, portMappings = [] } = made
  const taskRole = new Role(scope, `${id}Role`, {
    assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com'),
    inlinePolicies: { duty: new PolicyDocument({ statements }) },
  })
  acknowledgePrefixes(taskRole, statements)
  if (settings.tracing === 'xray') {
    acknowledge(taskRole, { 'AwsSolutions-IAM5[Resource::*]': 'Spans are no resources: it is for all or for none.' })
  }
  const task = new FargateTaskDefinition(scope, `${id}Task`, {
    cpu,
    memoryLimitMiB: memoryMiB,
    taskRole,
    runtimePlatform: {
      cpuArchitecture: settings.architecture === 'arm64' ? CpuArchitecture.ARM64 : CpuArchitecture.X86_64,
      operatingSystemFamily: OperatingSystemFamily.LINUX,
    },
  })
  task.addContainer('main', {
    image: ContainerImage.fromAsset(image.directory, { target: image.target, platform: platformOf(settings) }),
    command: [...command],
    environment: {
      ...environment,
      AWS_REGION: Stack.of(scope).region,
      SHUTDOWN_TIMEOUT_MS: String(shutdownMs(settings)),
    },
    readonlyRootFilesystem: true,
    // Reaps processes whose parent has ended, such as helpers that a transform has started.
    linuxParameters: new LinuxParameters(scope, `${id}Init`, { initProcessEnabled: true }),
    stopTimeout: Duration.seconds(settings.stopSeconds),
    logging: LogDrivers.awsLogs({
      streamPrefix: id.toLowerCase(),
      logGroup: createLogGroup(scope, `${id}Log`, settings),
    }),
    portMappings,
    ...(healthCheck && { healthCheck }),
  })
  acknowledge(task, {
    'AwsSolutions-ECS2': 'No variable is a secret: they are names of resources, sizes and times.',
    'AwsSolutions-IAM5[Resource::*]': 'The token for ECR is one for all repositories: the action has no resources.',
  })
  return task
}
