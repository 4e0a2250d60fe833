import type { FastifyInstance } from 'fastify'

/**
 * Ignores the bodies of all requests of a plugin, for routes that need no body. Many clients send `{}`, or a content type
 * without a body, with every request.
 */
export function ignoreBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
}
