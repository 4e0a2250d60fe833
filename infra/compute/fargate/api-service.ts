import { Duration } from 'aws-cdk-lib'
import { FargateService, type ICluster } from 'aws-cdk-lib/aws-ecs'
import {
  type ApplicationListener,
  ApplicationLoadBalancer,
  ApplicationProtocol,
  type ApplicationTargetGroup,
  ListenerCertificate,
  SslPolicy,
} from 'aws-cdk-lib/aws-elasticloadbalancingv2'
import type { Construct } from 'constructs'
import { acknowledge } from '../../acknowledge.ts'
import { BALANCER_LOG_PREFIX } from '../../data/buckets.ts'
import type { Data } from '../../data/data-stack.ts'
import { duties } from '../../permissions/duties.ts'
import type { Settings } from '../../settings/schema.ts'
import { apiEnvironment } from '../environment.ts'
import { commands } from '../image.ts'
import { tracesOf } from '../traces.ts'
import { API_PORT, balancerPort, type Network } from './network.ts'
import { createTask } from './task.ts'

/** How long the balancer may still send requests to a stopping task. */
const DEREGISTRATION_MS = 10_000

/** The maximum duration of a request, after which API Gateway gives up. */
const MAX_REQUEST_SECONDS = 30

/** Target of requests a second for each task, beside the target for CPU. */
const REQUESTS_PER_SECOND = 200

export interface ApiService {
  service: FargateService
  balancer: ApplicationLoadBalancer
  listener: ApplicationListener
  targets: ApplicationTargetGroup
}

export interface ServiceSettings {
  cluster: ICluster
  network: Network
  data: Data
  settings: Settings
}

/** Creates the api service, scaled by load, behind a balancer that only API Gateway reaches. */
export function createApiService(scope: Construct, { cluster, network, data, settings }: ServiceSettings): ApiService {
  const task = createTask(scope, 'Api', {
    settings,
    data,
    command: commands.api,
    environment: apiEnvironment(data, settings, {
      PORT: String(API_PORT),
      SHUTDOWN_DELAY_MS: String(DEREGISTRATION_MS),
      ...tracesOf(settings),
      // API Gateway buffers responses and ends them after 30 s, so an event stream could not reach the client.
      EVENT_STREAMS: 'whole',
      // API Gateway rejects larger requests before they reach the api.
      GATEWAY_MAX_BODY_BYTES: '10000000',
    }),
    // A container sweeps pending uploads beside its requests.
    statements: [...duties.serve(data, settings), ...duties.sweep(data), ...duties.trace(data, settings)],
    cpu: settings.apiCpu,
    memoryMiB: settings.apiMiB,
    portMappings: [{ containerPort: API_PORT }],
  })
  const service = new FargateService(scope, 'ApiService', {
    cluster,
    taskDefinition: task,
    // No desired count: every deployment would reset what scaling has decided.
    minHealthyPercent: 100,
    maxHealthyPercent: 200,
    circuitBreaker: { rollback: true },
    securityGroups: [network.api],
    healthCheckGracePeriod: Duration.seconds(60),
  })
  const balancer = new ApplicationLoadBalancer(scope, 'Balancer', {
    vpc: network.vpc,
    internetFacing: false,
    securityGroup: network.balancer,
    dropInvalidHeaderFields: true,
    // Longer than the api holds a waiting request.
    idleTimeout: Duration.seconds(60),
    // The balancer holds no data. It must be deletable when creating the stack fails, or after a change of compute.
    deletionProtection: false,
  })
  logBalancer(balancer, data, settings)
  const listener = addListener(balancer, settings)
  const targets = listener.addTargets('Api', {
    port: API_PORT,
    protocol: ApplicationProtocol.HTTP,
    targets: [service],
    deregistrationDelay: Duration.seconds(MAX_REQUEST_SECONDS + 5),
    // Not /readyz: while S3 or DynamoDB is out of reach, new tasks fail too, and ECS would replace tasks for ever.
    healthCheck: {
      path: '/livez',
      interval: Duration.seconds(10),
      timeout: Duration.seconds(5),
      healthyThresholdCount: 2,
    },
  })
  const scaling = service.autoScaleTaskCount({ minCapacity: settings.apiTasksMin, maxCapacity: settings.apiTasksMax })
  scaling.scaleOnCpuUtilization('Cpu', { targetUtilizationPercent: 60, scaleInCooldown: Duration.minutes(5) })
  scaling.scaleOnRequestCount('Requests', {
    requestsPerTarget: REQUESTS_PER_SECOND * 60,
    targetGroup: targets,
    scaleInCooldown: Duration.minutes(5),
  })
  return { service, balancer, listener, targets }
}

/** Delivers the balancer's access logs to the bucket of access logs, with `balancerLogs`. */
function logBalancer(balancer: ApplicationLoadBalancer, { accessLogBucket }: Data, { balancerLogs }: Settings): void {
  if (!balancerLogs) {
    const reason =
      'API Gateway, which is the only client, logs every request. The balancer does too with balancerLogs=true.'
    acknowledge(balancer, { 'AwsSolutions-ELB2': reason, CKV_AWS_91: reason })
    return
  }
  // By attributes: logAccessLogs() needs a region, and writes a bucket policy that only the data stack can.
  balancer.setAttribute('access_logs.s3.enabled', 'true')
  balancer.setAttribute('access_logs.s3.bucket', accessLogBucket.name)
  balancer.setAttribute('access_logs.s3.prefix', BALANCER_LOG_PREFIX)
}

/** Adds a listener for TLS with the certificate of the api's own domain, or for plain HTTP without a certificate. */
function addListener(balancer: ApplicationLoadBalancer, settings: Settings): ApplicationListener {
  const { certificateArn } = settings
  const port = balancerPort(settings)
  if (certificateArn !== undefined) {
    return balancer.addListener('Listener', {
      port,
      protocol: ApplicationProtocol.HTTPS,
      certificates: [ListenerCertificate.fromArn(certificateArn)],
      sslPolicy: SslPolicy.TLS13_RES,
      open: false,
    })
  }
  const listener = balancer.addListener('Listener', { port, protocol: ApplicationProtocol.HTTP, open: false })
  const reason =
    'The listener is inside the VPC, where only API Gateway’s link reaches it. It speaks TLS with the certificate of domainName.'
  acknowledge(listener, { CKV_AWS_2: reason, CKV_AWS_103: reason })
  return listener
}
