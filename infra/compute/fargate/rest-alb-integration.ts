import { type CfnMethod, Integration, IntegrationType } from 'aws-cdk-lib/aws-apigateway'
import type { VpcLink } from 'aws-cdk-lib/aws-apigatewayv2'
import type { RestIntegration } from '../../gateway/gateway-settings.ts'
import type { Settings } from '../../settings/schema.ts'
import type { ApiService } from './api-service.ts'

/**
 * Connects methods of a REST API to the balancer by a VPC link V2. CDK's classes for REST APIs do not know these links in this
 * version, so the properties are set by their CloudFormation names. Later versions have `AlbIntegration`, which does the same.
 *
 * The target is the balancer's ARN. API Gateway refuses a listener's ARN, which the API reference names.
 */
export function restAlbIntegration(
  vpcLink: VpcLink,
  { balancer }: ApiService,
  { domainName }: Pick<Settings, 'domainName'>,
): RestIntegration {
  // API Gateway does not look up the host: the target is the balancer. It sends the host to the api, and with HTTPS it verifies
  // the balancer's certificate against the host.
  const origin = domainName === undefined ? `http://${balancer.loadBalancerDnsName}` : `https://${domainName}:443`
  return {
    of: path =>
      new Integration({
        type: IntegrationType.HTTP_PROXY,
        integrationHttpMethod: 'ANY',
        uri: `${origin}${path.replace('{proxy+}', '{proxy}')}`,
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
