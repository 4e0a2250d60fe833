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
import type { Data } from '../../data/data-stack.ts'
import { createLogGroup } from '../../monitoring/log-group.ts'
import { keyStatements } from '../../permissions/key-statements.ts'
import type { Settings } from '../../settings/schema.ts'
import type { Environment } from '../environment.ts'
import { image, platformOf } from '../image.ts'

export interface TaskSettings {
  settings: Settings
  data: Data
  command: readonly string[]
  environment: Environment
  statements: PolicyStatement[]
  cpu: number
  memoryMiB: number
  healthCheck?: HealthCheck
  portMappings?: PortMapping[]
}

/** Seconds between the process's own limit for its shutdown and the kill of its task, so that the process can log a timeout. */
const SPARE_SECONDS = 5

/** Returns how long a process may take to stop, in milliseconds, given the stop timeout of its task. */
export function shutdownMs({ stopSeconds }: Pick<Settings, 'stopSeconds'>): number {
  return (stopSeconds - SPARE_SECONDS) * 1_000
}

/** Creates a task of one container of the one image, with a read-only root file system and a role of its own. */
export function createTask(scope: Construct, id: string, made: TaskSettings): FargateTaskDefinition {
  const { settings, data, command, environment, statements, cpu, memoryMiB, healthCheck, portMappings = [] } = made
  const taskRole = new Role(scope, `${id}Role`, {
    assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com'),
    inlinePolicies: {
      duty: new PolicyDocument({ statements: [...statements, ...keyStatements(statements, data.dataKeyArns)] }),
    },
  })
  acknowledgePrefixes(taskRole, statements)
  if (settings.tracing === 'xray') {
    acknowledge(taskRole, {
      'AwsSolutions-IAM5[Resource::*]':
        'X-Ray has no resources for spans: its actions are allowed for all of them or for none.',
    })
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
    // Reaps orphaned processes, such as helpers that a transform started.
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
    'AwsSolutions-IAM5[Resource::*]': 'A token for ECR is valid for all repositories: the action has no resources.',
  })
  return task
}
