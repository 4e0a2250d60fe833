import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib'
import { LambdaIntegration } from 'aws-cdk-lib/aws-apigateway'
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import { Rule, Schedule } from 'aws-cdk-lib/aws-events'
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets'
import type { DockerImageFunction } from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'
import type { Data } from '../../data/data-stack.ts'
import { createGateway } from '../../gateway/gateway.ts'
import type { AlarmSource } from '../../monitoring/alarm-source.ts'
import { encryptLogGroups } from '../../monitoring/log-group.ts'
import { createMonitoring } from '../../monitoring/monitoring.ts'
import { duties } from '../../permissions/duties.ts'
import { mappedByLambda } from '../../permissions/statements.ts'
import type { Settings } from '../../settings/schema.ts'
import { apiEnvironment, orphansEnvironment, workerEnvironment } from '../environment.ts'
import { handlers } from '../image.ts'
import { notificationsOf } from '../notifications.ts'
import { tracesOf } from '../traces.ts'
import { createFunction } from './function.ts'
import { lambdaAlarms } from './lambda-alarms.ts'
import { createFailures, createMapping } from './mapping.ts'

/** API Gateway gives up after 30 s. */
const API_SECONDS = 30

/** Housekeeping reads an index and writes little. Two runs at a time do no harm, so no concurrency is reserved. */
const HOUSEKEEPING = { memoryMiB: 512, timeoutSeconds: 300 } as const

/** Api, processor and housekeeping as functions of one image. */
export class LambdaStack extends Stack {
  constructor(
    scope: Construct,
    id: string,
    { data, settings, ...props }: StackProps & { data: Data; settings: Settings },
  ) {
    super(scope, id, props)
    // Only for functions that an upload passes through.
    const traces = tracesOf(settings)
    const api = createFunction(this, 'Api', {
      settings,
      data,
      handler: handlers.api,
      environment: apiEnvironment(data, settings, traces),
      statements: [...duties.serve(data, settings), ...duties.trace(data, settings)],
      memoryMiB: settings.functionMiB,
      timeoutSeconds: API_SECONDS,
      concurrency: settings.apiConcurrency,
    })
    const failures = createFailures(this, data)
    const processor = createFunction(this, 'Processor', {
      settings,
      data,
      handler: handlers.processor,
      environment: workerEnvironment(data, settings, { ...traces, ...notificationsOf(settings) }),
      statements: [
        ...duties.process(data, settings),
        ...duties.notify(data, settings),
        ...duties.trace(data, settings),
        ...mappedByLambda(data, { name: failures.queueName, arn: failures.queueArn }),
      ],
      memoryMiB: settings.processorMiB,
      timeoutSeconds: settings.processorSeconds,
      concurrency: settings.processorConcurrency,
    })
    createMapping(this, { stream: data.stream, processor, failures, settings })
    // `headgate doctor` looks at the mapping of this function.
    new CfnOutput(this, 'ProcessorFunctionOutput', { value: processor.functionName }).overrideLogicalId(
      'ProcessorFunction',
    )

    // A container does this housekeeping in the background. A function does not run between its requests.
    const relay = createFunction(this, 'Relay', {
      settings,
      data,
      handler: handlers.relay,
      environment: workerEnvironment(data, settings, { ...traces, ...notificationsOf(settings) }),
      statements: [...duties.relay(data, settings), ...duties.notify(data, settings), ...duties.trace(data, settings)],
      ...HOUSEKEEPING,
    })
    this.#every(Duration.minutes(1), relay)
    const sweep = createFunction(this, 'Sweep', {
      settings,
      data,
      handler: handlers.sweep,
      environment: apiEnvironment(data, settings),
      statements: duties.sweep(data),
      ...HOUSEKEEPING,
    })
    this.#every(Duration.minutes(15), sweep)
    const orphans = createFunction(this, 'Orphans', {
      settings,
      data,
      handler: handlers.orphans,
      environment: workerEnvironment(data, settings, orphansEnvironment(settings)),
      statements: duties.sweepOrphans(data),
      ...HOUSEKEEPING,
    })
    this.#every(Duration.minutes(15), orphans)

    const gateway = createGateway(this, {
      settings,
      users: data.users,
      http: () => new HttpLambdaIntegration('ApiIntegration', api),
      rest: { of: () => new LambdaIntegration(api, { proxy: true }) },
    })
    const sources: AlarmSource[] = [
      gateway,
      lambdaAlarms({ api, processor, relay, sweep, orphans: orphans, failures, settings }),
    ]
    createMonitoring(this, { settings, data, sources })
    encryptLogGroups(this, data)
  }

  #every(duration: Duration, target: DockerImageFunction): void {
    new Rule(this, `${target.node.id}Schedule`, {
      schedule: Schedule.rate(duration),
      // The next run does what a failed one did not.
      targets: [new LambdaFunction(target, { retryAttempts: 0 })],
    })
  }
}
