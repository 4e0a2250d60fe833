import type { IncomingMessage } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'

/** What the router could not route, with the URL as it came. */
const refused = new WeakMap<IncomingMessage, { error: FastifyError; url: string | undefined }>()

/**
 * Fastify's `frameworkErrors`. The router reports a URL that it cannot decode before any hook has run, so its answer would lack CORS and
 * security headers, and its line in the log. The request goes through the router once more, as one for a path that does not
 * exist, and the hook below refuses it among the others.
 */
export function routeAgain(error: FastifyError, { raw, server }: FastifyRequest, reply: FastifyReply): void {
  refused.set(raw, { error, url: raw.url })
  raw.url = '/'
  server.routing(raw, reply.raw)
}

/** Registered after the hooks that set headers. */
export const routerErrors = fastifyPlugin(
  async app => {
    app.addHook('onRequest', async ({ raw }) => {
      const refusal = refused.get(raw)
      if (!refusal) return
      if (refusal.url !== undefined) raw.url = refusal.url
      throw refusal.error
    })
  },
  { name: 'router-errors', fastify: '5.x' },
)
