import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { onResponseEnd } from './response-end.ts'

/** Maximum length of a path in the log. A request may have one of 128 KiB, with or without a token. */
const MAX_PATH = 1_024

const ids = new WeakMap<IncomingMessage, string>()

/** The id that a request has in the log, where it has one by now. */
export function requestIdInLog(raw: IncomingMessage): string | undefined {
  return ids.get(raw)
}

/**
 * One line a request, when it is over, and the request's id in the answer. Without the query and the headers: what a
 * client puts there is not ours to keep.
 */
export const requestLog = fastifyPlugin(
  async app => {
    app.addHook('onRequest', async (request, reply) => {
      ids.set(request.raw, request.id)
      reply.header('x-request-id', request.id)
      // Of a request whose client has gone there is no onResponse.
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
