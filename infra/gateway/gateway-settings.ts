import type { Integration, Method } from 'aws-cdk-lib/aws-apigateway'
import type { HttpRouteIntegration } from 'aws-cdk-lib/aws-apigatewayv2'
import type { Users } from '../data/data-stack.ts'
import type { Settings } from '../settings/schema.ts'

export interface RestIntegration {
  /** Returns the integration for the methods of a path. */
  of(path: string): Integration
  /** Called with each method after it is created. */
  finish?(method: Method): void
}

export interface GatewaySettings {
  settings: Settings
  users: Users
  /** Returns the integration of an HTTP API. Called once. */
  http(): HttpRouteIntegration
  /** The integrations of a REST API. */
  rest: RestIntegration
}
