import fastifyCors from '@fastify/cors'
import fastifyPlugin from 'fastify-plugin'

export interface CorsOptions {
  /** Origins whose pages may call the api, or `*` for all. */
  origins: readonly string[]
}

/** What a page may read of an answer beside its body. */
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
  'Upload-Expires',
  'Upload-Length',
  'Upload-Metadata',
  'Upload-Offset',
  'WWW-Authenticate',
  'X-Request-Id',
]

/** How long a browser may keep the answer to a preflight, in seconds: Chrome's most. */
const MAX_AGE_SECONDS = 7_200

/** Lets pages of other origins call the api. No cookie is involved: a page must have the token. */
export const cors = fastifyPlugin<CorsOptions>(
  async (app, { origins }) => {
    const options = {
      origin: origins.includes('*') ? '*' : [...origins],
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
      exposedHeaders: EXPOSED,
      maxAge: MAX_AGE_SECONDS,
      strictPreflight: false,
    }
    await app.register(fastifyCors, {
      // The plugin takes every OPTIONS for a preflight. Others are answered as without it: by a route, or with the methods.
      delegator: (request, done) => {
        done(null, { ...options, preflight: request.headers['access-control-request-method'] !== undefined })
      },
    })
  },
  { name: 'cors', fastify: '5.x' },
)
