import fastifyPlugin from 'fastify-plugin'

/**
 * The security headers of every response. They tell browsers not to execute, frame or sniff it. `/docs` has its own policy.
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
  /** True if web pages of other origins may read the responses. */
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
