import type { IncomingMessage } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'

/** The requests that the router could not route, with the URL that the client sent. */
const refused = new WeakMap<IncomingMessage, { error: FastifyError; url: string | undefined }>()

/** A path without a route, whose hooks are those of every other unknown path. */
const UNKNOWN_PATH = '/unroutable'

/**
 * Handles Fastify's `frameworkErrors`. The router reports a URL that it can't decode before any hook has run, so the response
 * would have no CORS and security headers, and the request no log line. This routes the request again with another path, and
 * the hook below rejects it.
 */
export function routeAgain(error: FastifyError, { raw, server }: FastifyRequest, reply: FastifyReply): void {
  refused.set(raw, { error, url: raw.url })
  raw.url = UNKNOWN_PATH
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
