import type { APIGatewayProxyEvent, APIGatewayProxyEventV2 } from 'aws-lambda'
import { HeadgateError } from '../../platform/errors.ts'

/** The event of API Gateway: payload 1.0 of a REST API, or 2.0 of an HTTP API. */
export type GatewayEvent = APIGatewayProxyEvent | APIGatewayProxyEventV2

/**
 * The function was invoked with an event that is not a request. A response would look like success to the caller. An event
 * source mapping that invokes the wrong function would lose its records.
 */
export class NotGatewayEventError extends HeadgateError {
  readonly code = 'HEADGATE_NOT_A_GATEWAY_EVENT'
}

/**
 * Returns the event in the form that Fastify's adapter reads: the path without the stage, and the query as the client sent it.
 *
 * @throws NotGatewayEventError
 */
export function readGatewayEvent(event: unknown): GatewayEvent {
  if (isRestEvent(event)) return { ...event, path: escapeDelimiters(event.path) }
  if (isHttpEvent(event)) return readHttpEvent(event)
  throw new NotGatewayEventError(
    'This function serves API Gateway: payload 1.0 of a REST API, or 2.0 of an HTTP API. The event is neither: ' +
      `it has ${namesOf(event)}.`,
  )
}

function isRestEvent(event: unknown): event is APIGatewayProxyEvent {
  return isObject(event) && typeof event.httpMethod === 'string' && typeof event.path === 'string'
}

function isHttpEvent(event: unknown): event is APIGatewayProxyEventV2 {
  if (!isObject(event) || typeof event.rawPath !== 'string') return false
  const { requestContext } = event
  return isObject(requestContext) && isObject(requestContext.http) && typeof requestContext.http.method === 'string'
}

/** Uses `rawQueryString`. `queryStringParameters` joins the values of a name by commas, and a value may itself contain a comma. */
function readHttpEvent(event: APIGatewayProxyEventV2): APIGatewayProxyEventV2 {
  const path = escapeDelimiters(withoutStage(event.rawPath, event.requestContext.stage))
  const { queryStringParameters: _joined, rawQueryString, ...rest } = event
  if (!rawQueryString) return { ...event, rawPath: path }
  return { ...rest, rawQueryString, rawPath: `${path}?${rawQueryString}` }
}

/** Removes the stage from `rawPath`. The `path` of payload 1.0 has no stage. */
function withoutStage(path: string, stage: string | undefined): string {
  if (stage === undefined || stage === '$default') return path
  if (path === `/${stage}`) return '/'
  return path.startsWith(`/${stage}/`) ? path.slice(stage.length + 1) : path
}

/** Encodes `?` and `#`, because API Gateway may have decoded the path. A `%3F` in the path must not start a query. */
function escapeDelimiters(path: string): string {
  return path.replace(/[?#]/g, encodeURIComponent)
}

/** Returns the names of an event's fields, so that its sender can recognize it. The values may be secret. */
function namesOf(event: unknown): string {
  if (!isObject(event)) return `no fields, it is ${event === null ? 'null' : typeof event}`
  const names = Object.keys(event).slice(0, 10)
  return names.length > 0 ? `the fields ${names.join(', ')}` : 'no fields'
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
