import { type CfnMethod, Integration, IntegrationType } from 'aws-cdk-lib/aws-apigateway'
import type { VpcLink } from 'aws-cdk-lib/aws-apigatewayv2'
import type { RestIntegration } from '../../gateway/gateway-settings.ts'
import type { ApiService } from './api-service.ts'

/**
 * How methods of a REST API get to the balancer: by a link of the second kind, which the classes of REST APIs in this version of
 * CDK do not know, and so by what CloudFormation calls it. A later one has `AlbIntegration`, which writes the same.
 *
 * The target is the balancer, though the reference of the API speaks of its listener: API Gateway refuses a listener's ARN.
 */
export function restAlbIntegration(vpcLink: VpcLink, { balancer }: ApiService): RestIntegration {
  return {
    of: path =>
      new Integration({
        type: IntegrationType.HTTP_PROXY,
        integrationHttpMethod: 'ANY',
        // The host is what the api sees, and no name to look up: the way is the balancer.
        uri: `http://${balancer.loadBalancerDnsName}${path.replace('{proxy+}', '{proxy}')}`,
        options: path.endsWith('{proxy+}')
          ? { requestParameters: { 'integration.request.path.proxy': 'method.request.path.proxy' } }
          : {},
      }),
    finish(method) {
      const resource = method.node.defaultChild as CfnMethod
      resource.addPropertyOverride('Integration.ConnectionType', 'VPC_LINK')
      resource.addPropertyOverride('Integration.ConnectionId', vpcLink.vpcLinkId)
      resource.addPropertyOverride('Integration.IntegrationTarget', balancer.loadBalancerArn)
    },
  }
}
