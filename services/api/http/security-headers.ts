import fastifyPlugin from 'fastify-plugin'

/**
 * What browsers are told of every answer: it is data, of this origin, never to be run, framed or guessed at. Constant, so that
 * it is not put together anew for each request. `/docs` has a policy of its own.
 */
const HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const

export function securityHeadersFor(isShared: boolean): Readonly<Record<string, string>> {
  return { ...HEADERS, 'cross-origin-resource-policy': isShared ? 'cross-origin' : 'same-origin' }
}

export interface SecurityHeadersOptions {
  /** Whether pages of other origins may read the answers. */
  isShared: boolean
}

export const securityHeaders = fastifyPlugin<SecurityHeadersOptions>(
  async (app, { isShared }) => {
    const headers = securityHeadersFor(isShared)
    app.addHook('onRequest', async (_request, reply) => {
      reply.headers(headers)
    })
  },
  { name: 'security-headers', fastify: '5.x' },
)
