import {
  FlowLogDestination,
  FlowLogTrafficType,
  GatewayVpcEndpointAwsService,
  InterfaceVpcEndpointAwsService,
  type IVpc,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2'
import type { Construct } from 'constructs'
import { acknowledge } from '../../acknowledge.ts'
import { createLogGroup } from '../../monitoring/log-group.ts'
import { parseList } from '../../settings/parse-list.ts'
import type { Settings } from '../../settings/schema.ts'
import { otlpPort } from '../traces.ts'

/** The port that the api listens on, in its container. */
export const API_PORT = 3_000

/** The port that the balancer listens on: TLS where there is a certificate for it. */
export function balancerPort({ certificateArn }: Pick<Settings, 'certificateArn'>): number {
  return certificateArn === undefined ? 80 : 443
}

export interface Network {
  vpc: IVpc
  /** The security groups of API Gateway's VPC link, the balancer and the tasks. Each reaches only the next. */
  link: SecurityGroup
  balancer: SecurityGroup
  api: SecurityGroup
  worker: SecurityGroup
}

/**
 * Creates a VPC in two availability zones, with tasks in private subnets. S3 and DynamoDB, most of the traffic, go through gateway
 * endpoints, which are free; Kinesis goes through an interface endpoint. The rest (images, logs, the user pool's keys) goes through
 * NAT.
 */
export function createNetwork(scope: Construct, settings: Settings): Network {
  const zones = parseList(settings.availabilityZones)
  const created = new Vpc(scope, 'Vpc', {
    ...(zones.length > 0 ? { availabilityZones: zones } : { maxAzs: 2 }),
    natGateways: settings.natGateways,
    restrictDefaultSecurityGroup: false,
    subnetConfiguration: [
      { name: 'public', subnetType: SubnetType.PUBLIC, cidrMask: 24, mapPublicIpOnLaunch: false },
      { name: 'private', subnetType: SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 20 },
    ],
    gatewayEndpoints: {
      S3: { service: GatewayVpcEndpointAwsService.S3 },
      DynamoDb: { service: GatewayVpcEndpointAwsService.DYNAMODB },
    },
  })
  created.addFlowLog('Rejected', {
    trafficType: FlowLogTrafficType.REJECT,
    destination: FlowLogDestination.toCloudWatchLogs(createLogGroup(scope, 'FlowLog', settings)),
  })
  const vpc = created as IVpc
  const group = (id: string, description: string) =>
    new SecurityGroup(scope, id, { vpc, description, allowAllOutbound: false })
  const link = group('LinkGroup', 'API Gateway into the VPC')
  const balancer = group('BalancerGroup', 'The balancer of the api')
  const api = group('ApiGroup', 'Tasks of the api')
  const worker = group('WorkerGroup', 'Tasks of the worker')
  link.connections.allowTo(balancer, Port.tcp(balancerPort(settings)), 'to the balancer')
  balancer.connections.allowTo(api, Port.tcp(API_PORT), 'to the api')
  for (const tasks of [api, worker]) tasks.connections.allowToAnyIpv4(Port.tcp(443), 'AWS, over TLS')
  const traces = otlpPort(settings)
  if (traces !== undefined) {
    for (const tasks of [api, worker]) tasks.connections.allowToAnyIpv4(Port.tcp(traces), 'the endpoint of traces')
  }
  const clamd = settings.clamdUrl === undefined ? undefined : Number(new URL(settings.clamdUrl).port)
  if (clamd !== undefined) worker.connections.allowToAnyIpv4(Port.tcp(clamd), 'clamd')

  const endpoint = group('KinesisEndpointGroup', 'The endpoint of Kinesis')
  for (const tasks of [api, worker]) endpoint.connections.allowFrom(tasks, Port.tcp(443), 'Kinesis')
  vpc.addInterfaceEndpoint('Kinesis', {
    service: InterfaceVpcEndpointAwsService.KINESIS_STREAMS,
    securityGroups: [endpoint],
    open: false,
  })
  acknowledge(vpc, {
    'AwsSolutions-VPC7': 'Rejected traffic is logged. Logging all traffic would cost more than it tells.',
  })
  return { vpc, link, balancer, api, worker }
}
