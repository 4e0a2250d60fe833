import type { FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { RouteAccessError } from './errors.ts'
import type { Access } from './permissions.ts'

/** What a route needs: a token that may read or write, or none. */
export type RouteAccess = Access | 'public'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Every route states it. A route that presigns a PUT or ends an upload writes, whatever its method is. */
    access?: RouteAccess
  }
  interface FastifyInstance {
    /** The access of every route, by method and URL: `GET /uploads/:id`. */
    routeAccess: ReadonlyMap<string, RouteAccess>
  }
}

/**
 * Has every route with a token authenticated, by the access that the route states. A route that states none fails the start, so
 * that no access follows from a method or from a hook that somebody forgot. Registered before all routes.
 */
export const routeAccess = fastifyPlugin(
  async app => {
    const stated = new Map<string, RouteAccess>()
    const authenticate = (request: FastifyRequest, reply: FastifyReply) => app.authenticate(request, reply)
    app.decorate('routeAccess', stated)
    app.addHook('onRoute', route => {
      // The preflights of @fastify/cors, whose route takes no configuration.
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
