import type { FastifyInstance } from 'fastify'

/**
 * For routes whose requests have nothing to say in a body: what comes all the same is not looked at, of whatever type. Clients
 * send `{}`, or a content type and no body, by habit.
 */
export function ignoreBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
}
