import type { IncomingMessage, ServerResponse } from 'node:http'
import { allowsOrigin } from '../../platform/origins.ts'

const EXPOSED = 'x-amzn-RequestId, x-amzn-ErrorType, x-amzn-ErrorMessage, Date'
/** The same as Cognito's, in seconds. */
const MAX_AGE = '172800'

/**
 * Lets pages of the allowed origins read the response. Cognito itself allows every origin. Here a page of a web site
 * must not have access, because this server lets every caller administer its users.
 */
export function addCorsHeaders(
  request: IncomingMessage,
  response: ServerResponse,
  origins: readonly string[],
): boolean {
  response.setHeader('vary', 'Origin')
  const { origin } = request.headers
  if (origin === undefined || !allowsOrigin(origins, origin)) return false
  response.setHeader('access-control-allow-origin', origin)
  response.setHeader('access-control-expose-headers', EXPOSED)
  return true
}

/** Responds to a preflight. Without the headers of an allowed origin, the browser does not send the request. */
export function answerPreflight(request: IncomingMessage, response: ServerResponse, origins: readonly string[]): void {
  if (addCorsHeaders(request, response, origins)) {
    response.setHeader('access-control-allow-methods', 'GET, POST')
    response.setHeader('access-control-allow-headers', request.headers['access-control-request-headers'] ?? '')
    response.setHeader('access-control-max-age', MAX_AGE)
  }
  response.writeHead(200, { 'content-length': 0 }).end()
}
