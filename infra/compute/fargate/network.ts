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
import { createLogGroup } from '../../running/log-group.ts'
import { listed } from '../../settings/listed.ts'
import type { Settings } from '../../settings/schema.ts'
import { otlpPort } from '../traces.ts'

/** Where the api listens, in its container. */
export const API_PORT = 3_000

export interface Network {
  vpc: IVpc
  /** Of API Gateway's way into the VPC, the balancer, and the tasks: each may reach the next alone. */
  link: SecurityGroup
  balancer: SecurityGroup
  api: SecurityGroup
  worker: SecurityGroup
}

/**
 * Two availability zones, tasks in private subnets. S3 and DynamoDB, the bulk, go by gateway endpoints, which cost nothing; Kinesis
 * by an interface endpoint. The rest (images, logs, the user pool's keys) goes by NAT.
 */
export function createNetwork(scope: Construct, settings: Settings): Network {
  const zones = listed(settings.availabilityZones)
  const made = new Vpc(scope, 'Vpc', {
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
  made.addFlowLog('Rejected', {
    trafficType: FlowLogTrafficType.REJECT,
    destination: FlowLogDestination.toCloudWatchLogs(createLogGroup(scope, 'FlowLog', settings)),
  })
  const vpc = made as IVpc
  const group = (id: string, description: string) =>
    new SecurityGroup(scope, id, { vpc, description, allowAllOutbound: false })
  const link = group('LinkGroup', 'API Gateway into the VPC')
  const balancer = group('BalancerGroup', 'The balancer of the api')
  const api = group('ApiGroup', 'Tasks of the api')
  const worker = group('WorkerGroup', 'Tasks of the worker')
  link.connections.allowTo(balancer, Port.tcp(80), 'to the balancer')
  balancer.connections.allowTo(api, Port.tcp(API_PORT), 'to the api')
  for (const tasks of [api, worker]) tasks.connections.allowToAnyIpv4(Port.tcp(443), 'AWS, over TLS')
  const traces = otlpPort(settings)
  if (traces !== undefined) {
    for (const tasks of [api, worker]) tasks.connections.allowToAnyIpv4(Port.tcp(traces), 'the endpoint of traces')
  }

  const endpoint = group('KinesisEndpointGroup', 'The endpoint of Kinesis')
  for (const tasks of [api, worker]) endpoint.connections.allowFrom(tasks, Port.tcp(443), 'Kinesis')
  vpc.addInterfaceEndpoint('Kinesis', {
    service: InterfaceVpcEndpointAwsService.KINESIS_STREAMS,
    securityGroups: [endpoint],
    open: false,
  })
  acknowledge(vpc, {
    'AwsSolutions-VPC7': 'What is refused is logged. To log all traffic would cost more than it says.',
  })
  return { vpc, link, balancer, api, worker }
}
