import { Duration } from 'aws-cdk-lib'
import { AdjustmentType } from 'aws-cdk-lib/aws-applicationautoscaling'
import { FargateService } from 'aws-cdk-lib/aws-ecs'
import type { Construct } from 'constructs'
import { ownMetric } from '../../monitoring/own-metric.ts'
import { duties } from '../../permissions/duties.ts'
import { orphansEnvironment, workerEnvironment } from '../environment.ts'
import { commands } from '../image.ts'
import { notificationsOf } from '../notifications.ts'
import { tracesOf } from '../traces.ts'
import type { ServiceSettings } from './api-service.ts'
import { createTask } from './task.ts'

const HEALTH_PORT = 8_080

/** Health check of the container. The image has no curl. */
const LIVE = `fetch('http://127.0.0.1:${HEALTH_PORT}/livez').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))`

/** Creates the worker service, scaled by the time that the backlog takes to drain, up to one task for each shard. */
export function createWorkerService(
  scope: Construct,
  { cluster, network, data, settings }: ServiceSettings,
): FargateService {
  const task = createTask(scope, 'Worker', {
    settings,
    data,
    command: commands.worker,
    environment: workerEnvironment(data, settings, {
      HEALTH_PORT: String(HEALTH_PORT),
      HEALTH_HOST: '127.0.0.1',
      ...orphansEnvironment(settings),
      ...tracesOf(settings),
      ...notificationsOf(settings),
    }),
    statements: [
      ...duties.process(data, settings),
      ...duties.relay(data, settings),
      ...duties.sweepOrphans(data),
      ...duties.consume(data),
      ...duties.notify(data, settings),
      ...duties.trace(data, settings),
    ],
    cpu: settings.workerCpu,
    memoryMiB: settings.workerMiB,
    healthCheck: {
      command: ['CMD', 'node', '-e', LIVE],
      interval: Duration.seconds(15),
      timeout: Duration.seconds(10),
      retries: 4,
      startPeriod: Duration.seconds(120),
    },
  })
  const service = new FargateService(scope, 'WorkerService', {
    cluster,
    taskDefinition: task,
    minHealthyPercent: 100,
    maxHealthyPercent: 200,
    circuitBreaker: { rollback: true },
    securityGroups: [network.worker],
  })
  const scaling = service.autoScaleTaskCount({
    minCapacity: settings.workerTasksMin,
    maxCapacity: settings.workerTasksMax,
  })
  scaling.scaleOnMetric('TimeToDrain', {
    metric: ownMetric(settings, 'TimeToDrain', 'Maximum'),
    adjustmentType: AdjustmentType.CHANGE_IN_CAPACITY,
    evaluationPeriods: 3,
    cooldown: Duration.minutes(3),
    scalingSteps: [
      { upper: settings.drainSeconds / 10, change: -1 },
      { lower: settings.drainSeconds, change: +1 },
      { lower: settings.drainSeconds * 5, change: +3 },
    ],
  })
  return service
}
