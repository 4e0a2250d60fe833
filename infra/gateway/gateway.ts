import { CfnOutput } from 'aws-cdk-lib'
import type { Integration, Method } from 'aws-cdk-lib/aws-apigateway'
import type { HttpRouteIntegration } from 'aws-cdk-lib/aws-apigatewayv2'
import type { Construct } from 'constructs'
import type { Users } from '../data/users.ts'
import type { AlarmSource } from '../running/running.ts'
import type { Settings } from '../settings/schema.ts'
import { createHttpGateway } from './http-gateway.ts'
import { createRestGateway } from './rest-gateway.ts'

export interface RestIntegration {
  /** What is behind the methods of a path. */
  of(path: string): Integration
  /** Told of each method once it is made. */
  finish?(method: Method): void
}

export interface GatewaySettings {
  settings: Settings
  users: Users
  /** What is behind a HTTP API. Asked for once for each route. */
  http(): HttpRouteIntegration
  /** What is behind a REST API. */
  rest: RestIntegration
}

/** The door: everything reaches the api through it. Its alarms come with it. */
export function createGateway(scope: Construct, gateway: GatewaySettings): AlarmSource {
  const { url, source } =
    gateway.settings.gateway === 'http' ? createHttpGateway(scope, gateway) : createRestGateway(scope, gateway)
  new CfnOutput(scope, 'ApiUrlOutput', { value: url }).overrideLogicalId('ApiUrl')
  return source
}
