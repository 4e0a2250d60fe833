import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { onResponseEnd } from './response-end.ts'

/** Maximum length of a path in the log, in characters. A request may have a path of 128 KiB, with or without a token. */
const MAX_PATH = 1_024

const ids = new WeakMap<IncomingMessage, string>()

/** Returns the id of a request in the log, once the request has one. */
export function requestIdInLog(raw: IncomingMessage): string | undefined {
  return ids.get(raw)
}

/**
 * Logs one line for each request when the request is over, and adds the request's id to the response. The query and the headers are not
 * logged, because they may contain secrets of the client.
 */
export const requestLog = fastifyPlugin(
  async app => {
    app.addHook('onRequest', async (request, reply) => {
      ids.set(request.raw, request.id)
      reply.header('x-request-id', request.id)
      // If the client has disconnected, Fastify does not call onResponse.
      onResponseEnd(reply.raw, isWhole => {
        if (!isWhole) request.log.info(describe(request, reply), 'request broken off')
      })
    })
    app.addHook('onResponse', async (request, reply) => {
      request.log.info(describe(request, reply), 'request')
    })
  },
  { name: 'request-log', fastify: '5.x' },
)

function describe(request: FastifyRequest, reply: FastifyReply) {
  const [path = ''] = request.url.split('?', 1)
  return {
    method: request.method,
    path: path.slice(0, MAX_PATH),
    route: request.routeOptions.url,
    ...(reply.sent && { status: reply.statusCode }),
    ms: Math.round(reply.elapsedTime * 10) / 10,
    remoteAddress: request.ip,
    ...(request.owner && { owner: request.owner }),
  }
}
