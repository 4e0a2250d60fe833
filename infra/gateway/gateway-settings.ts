import type { Integration, Method } from 'aws-cdk-lib/aws-apigateway'
import type { HttpRouteIntegration } from 'aws-cdk-lib/aws-apigatewayv2'
import type { Users } from '../data/data-stack.ts'
import type { Settings } from '../settings/schema.ts'

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
