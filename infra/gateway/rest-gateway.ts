import { CfnOutput, Duration } from 'aws-cdk-lib'
import {
  AccessLogFormat,
  AuthorizationType,
  CognitoUserPoolsAuthorizer,
  EndpointType,
  LogGroupLogDestination,
  MethodLoggingLevel,
  ResponseType,
  RestApi,
  SecurityPolicy,
} from 'aws-cdk-lib/aws-apigateway'
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager'
import { UserPool } from 'aws-cdk-lib/aws-cognito'
import type { Construct } from 'constructs'
import { acknowledge } from '../acknowledge.ts'
import { REST_STAGE } from '../compute/environment.ts'
import type { AlarmSource } from '../monitoring/alarm-source.ts'
import { createLogGroup } from '../monitoring/log-group.ts'
import type { Settings } from '../settings/schema.ts'
import type { GatewaySettings } from './gateway-settings.ts'
import { routes } from './routes.ts'

const LOG_POLICY = 'arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs'

/** Creates a REST API. Its Cognito authorizer requires an id token on every route of uploads. */
export function createRestGateway(scope: Construct, { settings, users, rest }: GatewaySettings) {
  const accessLog = createLogGroup(scope, 'AccessLog', settings)
  const api = new RestApi(scope, 'RestApi', {
    restApiName: settings.name,
    endpointTypes: [EndpointType.REGIONAL],
    // Bodies are bytes: API Gateway must not decode any of them as text.
    binaryMediaTypes: ['*/*'],
    cloudWatchRole: settings.restLogRole,
    deployOptions: {
      stageName: REST_STAGE,
      accessLogDestination: new LogGroupLogDestination(accessLog),
      accessLogFormat: AccessLogFormat.jsonWithStandardFields({
        caller: false,
        httpMethod: true,
        ip: true,
        protocol: false,
        requestTime: true,
        resourcePath: true,
        responseLength: true,
        status: true,
        user: false,
      }),
      loggingLevel: MethodLoggingLevel.ERROR,
      dataTraceEnabled: false,
      tracingEnabled: settings.tracing === 'xray',
    },
    ...customDomain(scope, settings),
  })
  if (api.domainName) {
    const value = api.domainName.domainNameAliasDomainName
    new CfnOutput(scope, 'DomainTargetOutput', { value }).overrideLogicalId('DomainTarget')
  }
  const pool = UserPool.fromUserPoolArn(scope, 'Users', users.poolArn)
  const authorizer = new CognitoUserPoolsAuthorizer(scope, 'Cognito', { cognitoUserPools: [pool] })
  for (const { path, methods, authorized } of routes) {
    const resource = api.root.resourceForPath(path)
    for (const method of methods) {
      const made = resource.addMethod(method, rest.of(path), {
        ...pathParameters(path),
        ...(authorized
          ? { authorizer, authorizationType: AuthorizationType.COGNITO }
          : { authorizationType: AuthorizationType.NONE }),
      })
      rest.finish?.(made)
      if (authorized) continue
      const reason = 'Health checks, documentation and CORS preflights have no token.'
      acknowledge(made, { 'AwsSolutions-APIG4': reason, 'AwsSolutions-COG4': reason })
      // checkov knows by itself that OPTIONS has no token.
      if (method !== 'OPTIONS') acknowledge(made, { CKV_AWS_59: reason })
    }
  }
  problems(api, settings)
  acknowledge(api, {
    'AwsSolutions-APIG2': 'The api validates every request itself, by the schemas of its OpenAPI document.',
    'AwsSolutions-APIG3':
      'A web ACL is the account’s own choice. It can be associated with the stage outside this app.',
    [`AwsSolutions-IAM4[Policy::${LOG_POLICY}]`]: 'This is AWS’s own policy for the logs of API Gateway in an account.',
  })
  acknowledge(api.deploymentStage, {
    CKV_AWS_120: 'Responses are different for each owner, so a shared cache must not keep them.',
    ...(settings.tracing !== 'xray' && { CKV_AWS_73: 'X-Ray is the account’s own choice: tracing=xray turns it on.' }),
  })
  const metric = (name: 'metricServerError' | 'metricClientError' | 'metricCount') => api[name]({ statistic: 'Sum' })
  const source: AlarmSource = {
    alarms: [
      {
        id: 'Api5xx',
        description: 'More than five requests in five minutes were answered with 5xx.',
        metric: metric('metricServerError'),
        threshold: 5,
        period: Duration.minutes(5),
        periods: 1,
      },
    ],
    widgets: [
      {
        title: 'Requests',
        left: [metric('metricCount'), metric('metricClientError'), metric('metricServerError')],
        right: [api.metricLatency({ statistic: 'p99' })],
      },
    ],
  }
  return { url: settings.domainName ? `https://${settings.domainName}` : api.url, source }
}

/** Declares the path parameter that an HTTP integration forwards. */
function pathParameters(path: string) {
  return path.endsWith('{proxy+}') ? { requestParameters: { 'method.request.path.proxy': true } } : {}
}

/** Formats the gateway's own error responses like the api's. */
function problems(api: RestApi, { corsOrigins }: Settings): void {
  const token = { statusCode: '401', slug: 'invalid-token', title: 'The token is invalid' }
  const answers = [
    { type: ResponseType.UNAUTHORIZED, ...token },
    { type: ResponseType.EXPIRED_TOKEN, ...token },
    // The response for a path that has no route.
    {
      type: ResponseType.MISSING_AUTHENTICATION_TOKEN,
      statusCode: '404',
      slug: 'not-found',
      title: 'Not found',
    },
    {
      type: ResponseType.REQUEST_TOO_LARGE,
      statusCode: '413',
      slug: 'payload-too-large',
      title: 'The body is too large',
    },
    { type: ResponseType.THROTTLED, statusCode: '429', slug: 'too-many-requests', title: 'Too many requests' },
  ]
  for (const { type, statusCode, slug, title } of answers) {
    const body = { type: `urn:headgate:problem:${slug}`, title, status: Number(statusCode) }
    api.addGatewayResponse(`Problem${type.responseType}`, {
      type,
      statusCode,
      responseHeaders: {
        'Content-Type': "'application/problem+json'",
        ...(statusCode === '401' && { 'WWW-Authenticate': "'Bearer'" }),
        // A page must be able to see that its token expired. Any origin may: the response has nothing private.
        ...(corsOrigins !== '' && { 'Access-Control-Allow-Origin': "'*'" }),
      },
      templates: { 'application/json': JSON.stringify(body) },
    })
  }
}

function customDomain(scope: Construct, { domainName, certificateArn }: Settings) {
  if (domainName === undefined || certificateArn === undefined) return {}
  return {
    disableExecuteApiEndpoint: true,
    domainName: {
      domainName,
      certificate: Certificate.fromCertificateArn(scope, 'Certificate', certificateArn),
      securityPolicy: SecurityPolicy.TLS_1_2,
    },
  }
}
