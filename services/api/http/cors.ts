import fastifyCors from '@fastify/cors'
import fastifyPlugin from 'fastify-plugin'
import { originMatcher } from '../../platform/origins.ts'

export interface CorsOptions {
  /** The valid entries of CORS_ORIGINS. */
  origins: readonly string[]
}

/** The headers of a response that a web page may read. */
export const EXPOSED = [
  'Allow',
  'ETag',
  'Idempotent-Replayed',
  'Link',
  'Location',
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
  'Retry-After',
  'Tus-Checksum-Algorithm',
  'Tus-Extension',
  'Tus-Max-Size',
  'Tus-Resumable',
  'Tus-Version',
  'Upload-Defer-Length',
  'Upload-Expires',
  'Upload-Length',
  'Upload-Metadata',
  'Upload-Offset',
  'WWW-Authenticate',
  'X-Request-Id',
]

/** How long a browser may cache the response to a preflight, in seconds. Chrome's maximum. */
const MAX_AGE_SECONDS = 7_200

/** Allows web pages of other origins to call the api. The api uses no cookies, so a page needs a token. */
export const cors = fastifyPlugin<CorsOptions>(
  async (app, { origins }) => {
    const options = {
      origin: origins.includes('*') ? '*' : origins.map(originMatcher),
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
      exposedHeaders: EXPOSED,
      maxAge: MAX_AGE_SECONDS,
      strictPreflight: false,
    }
    await app.register(fastifyCors, {
      // The plugin treats every OPTIONS as a preflight. This passes all others on to the routes.
      delegator: (request, done) => {
        done(null, { ...options, preflight: request.headers['access-control-request-method'] !== undefined })
      },
    })
  },
  { name: 'cors', fastify: '5.x' },
)
