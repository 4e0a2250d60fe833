import type { FastifyInstance } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { onFirstUse } from '../../platform/on-first-use.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answers before anything is loaded that a request may need. */
    answersFirst?: boolean
  }
  interface FastifyInstance {
    /** Loads what would otherwise be loaded for the first request. */
    load(): Promise<void>
  }
}

/**
 * Loads what requests need for the first of them, before anything else is done with it: what it waits for later, as the keys of
 * the issuer, is then not held up by it and taken for slow.
 */
export const loadFirst = fastifyPlugin(
  async (app: FastifyInstance, { load }: { load: () => Promise<unknown> }) => {
    let isLoaded = false
    const loadOnce = onFirstUse(async () => {
      await load()
      isLoaded = true
    })
    app.decorate('load', loadOnce)
    app.addHook('onRequest', (request, _reply, done) => {
      if (isLoaded || request.routeOptions.config.answersFirst) return done()
      loadOnce().then(() => done(), done)
    })
  },
  { name: 'load-first', fastify: '5.x' },
)
