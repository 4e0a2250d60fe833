import type { FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { RouteAccessError } from './errors.ts'
import type { Access } from './permissions.ts'

/** Which token a route needs: one that may read, one that may write, or none. */
export type RouteAccess = Access | 'public'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Every route states its access. A route that presigns a PUT or ends an upload has `write`, whatever its method. */
    access?: RouteAccess
  }
  interface FastifyInstance {
    /** The access of every route, by method and URL: `GET /uploads/:id`. */
    routeAccess: ReadonlyMap<string, RouteAccess>
  }
}

/**
 * Authenticates the requests of every route that is not public. A route without a stated access fails the start, so that no access
 * depends on the method or on a forgotten hook. Registered before all routes.
 */
export const routeAccess = fastifyPlugin(
  async app => {
    const stated = new Map<string, RouteAccess>()
    const authenticate = (request: FastifyRequest, reply: FastifyReply) => app.authenticate(request, reply)
    app.decorate('routeAccess', stated)
    app.addHook('onRoute', route => {
      // The preflight route of @fastify/cors can't be configured.
      const isPreflight = route.url === '*' && route.method === 'OPTIONS'
      const access = isPreflight ? 'public' : route.config?.access
      for (const method of [route.method].flat()) {
        const name = `${method} ${route.url}`
        if (access === undefined) throw new RouteAccessError(`The route ${name} must state its access in its config.`)
        stated.set(name, access)
      }
      if (access !== 'public') route.onRequest = [authenticate, ...[route.onRequest ?? []].flat()]
    })
  },
  { name: 'route-access', fastify: '5.x' },
)
