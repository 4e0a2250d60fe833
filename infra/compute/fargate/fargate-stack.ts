import { Stack, type StackProps } from 'aws-cdk-lib'
import { VpcLink } from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpAlbIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import { Cluster, ContainerInsights, type ICluster } from 'aws-cdk-lib/aws-ecs'
import type { Construct } from 'constructs'
import type { Data } from '../../data/data-stack.ts'
import { createGateway } from '../../gateway/gateway.ts'
import { encryptLogGroups } from '../../monitoring/log-group.ts'
import { createMonitoring } from '../../monitoring/monitoring.ts'
import type { Settings } from '../../settings/schema.ts'
import { createApiService } from './api-service.ts'
import { fargateAlarms } from './fargate-alarms.ts'
import { createNetwork } from './network.ts'
import { restAlbIntegration } from './rest-alb-integration.ts'
import { createWorkerService } from './worker-service.ts'

/** Api and worker as ECS services. API Gateway reaches the api through a VPC link. */
export class FargateStack extends Stack {
  constructor(
    scope: Construct,
    id: string,
    { data, settings, ...props }: StackProps & { data: Data; settings: Settings },
  ) {
    super(scope, id, props)
    const network = createNetwork(this, settings)
    const cluster = new Cluster(this, 'Cluster', {
      vpc: network.vpc,
      // The only source of the metrics for missing tasks.
      containerInsightsV2: ContainerInsights.ENABLED,
    }) as ICluster
    const shared = { cluster, network, data, settings }
    const api = createApiService(this, shared)
    const worker = createWorkerService(this, shared)
    const vpcLink = new VpcLink(this, 'Link', { vpc: network.vpc, securityGroups: [network.link] })
    const gateway = createGateway(this, {
      settings,
      users: data.users,
      http: () =>
        new HttpAlbIntegration('ApiIntegration', api.listener, {
          vpcLink,
          ...(settings.domainName !== undefined && { secureServerName: settings.domainName }),
        }),
      rest: restAlbIntegration(vpcLink, api, settings),
    })
    createMonitoring(this, { settings, data, sources: [gateway, fargateAlarms({ api, worker, data, settings })] })
    encryptLogGroups(this, data)
  }
}
