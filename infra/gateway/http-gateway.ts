import { CfnOutput, Duration } from 'aws-cdk-lib'
import { type CfnStage, DomainName, HttpApi, HttpMethod, HttpNoneAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpJwtAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers'
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager'
import { Metric } from 'aws-cdk-lib/aws-cloudwatch'
import type { Construct } from 'constructs'
import { acknowledge } from '../acknowledge.ts'
import type { AlarmSource } from '../monitoring/alarm-source.ts'
import { createLogGroup } from '../monitoring/log-group.ts'
import type { Settings } from '../settings/schema.ts'
import type { GatewaySettings } from './gateway-settings.ts'
import { routes } from './routes.ts'

/** Creates an HTTP API. Its authorizer requires an id or access token of the user pool on every route of uploads. */
export function createHttpGateway(scope: Construct, { settings, users, http }: GatewaySettings) {
  const api = new HttpApi(scope, 'HttpApi', { apiName: settings.name, ...customDomain(scope, settings) })
  const authorizer = new HttpJwtAuthorizer('Jwt', users.issuer, { jwtAudience: [users.clientId] })
  const integration = http()
  for (const { path, methods, authorized } of routes) {
    const created = api.addRoutes({
      path,
      methods: methods.map(method => HttpMethod[method as keyof typeof HttpMethod]),
      integration,
      authorizer: authorized ? authorizer : new HttpNoneAuthorizer(),
    })
    if (authorized) continue
    for (const route of created) {
      acknowledge(route, {
        'AwsSolutions-APIG4': 'Health checks, documentation and CORS preflights have no token.',
      })
    }
  }
  logAccess(scope, api, settings)
  const dimensionsMap = { ApiId: api.apiId }
  const metric = (metricName: string, statistic: string) =>
    new Metric({ namespace: 'AWS/ApiGateway', metricName, dimensionsMap, statistic })
  const source: AlarmSource = {
    alarms: [
      {
        id: 'Api5xx',
        description: 'More than five requests in five minutes were answered with 5xx.',
        metric: metric('5xx', 'Sum'),
        threshold: 5,
        period: Duration.minutes(5),
        periods: 1,
      },
    ],
    widgets: [
      {
        title: 'Requests',
        left: [metric('Count', 'Sum'), metric('4xx', 'Sum'), metric('5xx', 'Sum')],
        right: [metric('Latency', 'p99')],
      },
    ],
  }
  return { url: settings.domainName ? `https://${settings.domainName}` : api.apiEndpoint, source }
}

function logAccess(scope: Construct, api: HttpApi, settings: Settings): void {
  const stage = api.defaultStage?.node.defaultChild as CfnStage
  stage.accessLogSettings = {
    destinationArn: createLogGroup(scope, 'AccessLog', settings).logGroupArn,
    // No headers and no query: tokens and presigned URLs must not be in a log.
    format: JSON.stringify({
      requestId: '$context.requestId',
      ip: '$context.identity.sourceIp',
      time: '$context.requestTime',
      method: '$context.httpMethod',
      route: '$context.routeKey',
      status: '$context.status',
      bytes: '$context.responseLength',
      ms: '$context.responseLatency',
      authorizerError: '$context.authorizer.error',
    }),
  }
}

function customDomain(scope: Construct, { domainName, certificateArn }: Settings) {
  if (domainName === undefined || certificateArn === undefined) return {}
  const domain = new DomainName(scope, 'Domain', {
    domainName,
    certificate: Certificate.fromCertificateArn(scope, 'Certificate', certificateArn),
  })
  const value = domain.regionalDomainName
  new CfnOutput(scope, 'DomainTargetOutput', { value }).overrideLogicalId('DomainTarget')
  return { defaultDomainMapping: { domainName: domain }, disableExecuteApiEndpoint: true }
}
