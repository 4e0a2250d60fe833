import { Duration } from 'aws-cdk-lib'
import { MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch'
import type { FargateService } from 'aws-cdk-lib/aws-ecs'
import { HttpCodeTarget } from 'aws-cdk-lib/aws-elasticloadbalancingv2'
import type { Data } from '../../data/data-stack.ts'
import type { AlarmSource } from '../../monitoring/alarm-source.ts'
import { ownMetric } from '../../monitoring/own-metric.ts'
import { workerAlarms } from '../../monitoring/worker-alarms.ts'
import type { Settings } from '../../settings/schema.ts'
import type { ApiService } from './api-service.ts'

/** Returns the alarms and widgets of the tasks, the balancer and the consumer. */
export function fargateAlarms(parts: {
  api: ApiService
  worker: FargateService
  data: Data
  settings: Settings
}): AlarmSource {
  const { api, worker, data, settings } = parts
  const period = Duration.minutes(1)
  const age = new Metric({
    namespace: 'AWS/Kinesis',
    metricName: 'GetRecords.IteratorAgeMilliseconds',
    dimensionsMap: { StreamName: data.stream.name },
    statistic: 'Maximum',
    period,
  })
  const stuck = ownMetric(settings, 'StuckShards', 'Maximum')
  const drain = ownMetric(settings, 'TimeToDrain', 'Maximum')
  const errors = api.targets.metrics.httpCodeTarget(HttpCodeTarget.TARGET_5XX_COUNT, { statistic: 'Sum', period })
  const unhealthy = api.targets.metrics.unhealthyHostCount({ statistic: 'Maximum', period })
  const missing = (service: FargateService) =>
    new MathExpression({
      label: `Missing tasks of ${service.node.id}`,
      // A service without tasks may have no data points.
      expression: 'desired - FILL(running, 0)',
      period,
      usingMetrics: { desired: tasks(service, 'DesiredTaskCount'), running: tasks(service, 'RunningTaskCount') },
    })
  const own = workerAlarms(settings)
  return {
    alarms: [
      ...own.alarms,
      {
        id: 'IteratorAge',
        description: 'The workers are behind the stream.',
        metric: age,
        threshold: settings.maxAgeSeconds * 1_000,
        periods: 5,
      },
      {
        id: 'StuckShards',
        description: 'Shards have records in flight and make no progress.',
        metric: stuck,
        threshold: 0,
        periods: 3,
      },
      {
        id: 'Target5xx',
        description: 'Tasks of the api answered more than five requests in five minutes with 5xx.',
        metric: errors,
        threshold: 5,
        period: Duration.minutes(5),
        periods: 1,
      },
      {
        id: 'UnhealthyApi',
        description: 'Tasks of the api fail the balancer’s health check.',
        metric: unhealthy,
        threshold: 0,
        periods: 5,
      },
      {
        id: 'MissingApiTasks',
        description: 'Fewer api tasks run than desired.',
        metric: missing(api.service),
        threshold: 0,
        periods: 10,
      },
      {
        id: 'MissingWorkerTasks',
        description: 'Fewer worker tasks run than desired.',
        metric: missing(worker),
        threshold: 0,
        periods: 10,
      },
    ],
    widgets: [
      ...own.widgets,
      { title: 'Behind the stream (ms), time to drain (s)', left: [age], right: [drain] },
      { title: 'Stuck shards', left: [stuck] },
      {
        title: 'CPU',
        left: [api.service.metricCpuUtilization({ period }), worker.metricCpuUtilization({ period })],
      },
      {
        title: 'Tasks',
        left: [tasks(api.service, 'RunningTaskCount'), tasks(worker, 'RunningTaskCount')],
        right: [unhealthy],
      },
    ],
  }
}

/** A metric of Container Insights, which the cluster has turned on. */
function tasks(service: FargateService, metricName: 'DesiredTaskCount' | 'RunningTaskCount'): Metric {
  return new Metric({
    namespace: 'ECS/ContainerInsights',
    metricName,
    dimensionsMap: { ClusterName: service.cluster.clusterName, ServiceName: service.serviceName },
    statistic: 'Average',
    period: Duration.minutes(1),
  })
}
