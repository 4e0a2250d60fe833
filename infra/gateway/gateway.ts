import { CfnOutput } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import type { AlarmSource } from '../monitoring/alarm-source.ts'
import type { GatewaySettings } from './gateway-settings.ts'
import { createHttpGateway } from './http-gateway.ts'
import { createRestGateway } from './rest-gateway.ts'

/** Creates the API in API Gateway, the only way to the api, and returns its alarms. */
export function createGateway(scope: Construct, gateway: GatewaySettings): AlarmSource {
  const { url, source } =
    gateway.settings.gateway === 'http' ? createHttpGateway(scope, gateway) : createRestGateway(scope, gateway)
  new CfnOutput(scope, 'ApiUrlOutput', { value: url }).overrideLogicalId('ApiUrl')
  return source
}
