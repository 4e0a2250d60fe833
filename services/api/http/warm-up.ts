import type { FastifyInstance } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { onFirstUse } from '../../platform/on-first-use.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** True for a route that responds without the warm-up. */
    skipWarmUp?: boolean
  }
  interface FastifyInstance {
    /** Loads now what the first request would otherwise load. */
    warmUp(): Promise<void>
  }
}

/**
 * Loads what requests need when the first request arrives, before any other work on it. Otherwise loading would delay later
 * waits, such as the one for the issuer's keys, which would then time out.
 */
export const warmUp = fastifyPlugin(
  async (app: FastifyInstance, { load }: { load: () => Promise<unknown> }) => {
    let isLoaded = false
    const warmUpOnce = onFirstUse(async () => {
      await load()
      isLoaded = true
    })
    app.decorate('warmUp', warmUpOnce)
    app.addHook('onRequest', (request, _reply, done) => {
      if (isLoaded || request.routeOptions.config.skipWarmUp) return done()
      warmUpOnce().then(() => done(), done)
    })
  },
  { name: 'warm-up', fastify: '5.x' },
)
