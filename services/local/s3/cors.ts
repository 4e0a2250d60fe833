import { type CorsRule, matches } from './cors-rules.ts'
import { S3Error } from './errors.ts'
import { headerOf, type S3Request, sendEmpty } from './request.ts'

/**
 * Adds the headers that let a web page read the response. As in S3, the rules of the bucket decide, and a request that no rule allows is
 * served without CORS headers.
 */
export function addCorsHeaders(request: S3Request, rules: readonly CorsRule[] | undefined): void {
  const origin = headerOf(request, 'origin')
  if (origin === undefined) return
  const rule = rules?.find(one => matches(one, { origin, method: request.raw.method ?? '' }))
  if (rule) setHeaders(request, rule, origin)
}

/**
 * Responds to a preflight, the request in which a browser asks whether a page may send another request.
 *
 * @throws S3Error BadRequest, AccessForbidden
 */
export function answerPreflight(request: S3Request, rules: readonly CorsRule[] | undefined): void {
  const origin = headerOf(request, 'origin')
  const method = headerOf(request, 'access-control-request-method')
  if (origin === undefined) throw new S3Error('BadRequest', 'Insufficient information. Origin request header needed.')
  if (method === undefined) throw new S3Error('BadRequest', 'Invalid Access-Control-Request-Method: null')
  if (!rules) throw new S3Error('AccessForbidden', 'CORSResponse: CORS is not enabled for this bucket.')
  const headers = (headerOf(request, 'access-control-request-headers') ?? '')
    .split(',')
    .map(name => name.trim().toLowerCase())
    .filter(name => name !== '')
  const rule = rules.find(one => matches(one, { origin, method, headers }))
  if (!rule) throw new S3Error('AccessForbidden', 'CORSResponse: This CORS request is not allowed by the rules.')
  setHeaders(request, rule, origin)
  sendEmpty(request, 200, {
    ...(headers.length > 0 && { 'access-control-allow-headers': headers.join(', ') }),
    ...(rule.maxAgeSeconds !== undefined && { 'access-control-max-age': String(rule.maxAgeSeconds) }),
  })
}

function setHeaders({ response }: S3Request, rule: CorsRule, origin: string): void {
  const isPublic = rule.allowedOrigins.includes('*')
  response.setHeader('access-control-allow-origin', isPublic ? '*' : origin)
  response.setHeader('access-control-allow-methods', rule.allowedMethods.join(', '))
  response.setHeader('vary', 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method')
  if (!isPublic) response.setHeader('access-control-allow-credentials', 'true')
  if (rule.exposedHeaders.length > 0) {
    response.setHeader('access-control-expose-headers', rule.exposedHeaders.join(', '))
  }
}
