import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

interface Exchange {
  request: IncomingMessage
  response: ServerResponse
}

/**
 * How many listeners of one event a response may have before Node warns of a leak. Metrics, log, tracing, deadlines, Fastify and Node's
 * streams each listen once for the end of a response: of a stream of events 11, one more than Node's default.
 */
const MAX_LISTENERS = 20

const exchanges = new WeakMap<Socket, Set<Exchange>>()

/** Tracks the requests in flight of each connection. */
export function trackRequests(server: Server): void {
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    response.setMaxListeners(MAX_LISTENERS)
    const { socket } = request
    const open = exchanges.get(socket) ?? new Set()
    exchanges.set(socket, open)
    const exchange = { request, response }
    open.add(exchange)
    response.once('close', () => open.delete(exchange))
  })
}

/** Returns the pending responses to the complete requests of a connection. */
export function pendingResponses(socket: Socket): ServerResponse[] {
  return [...(exchanges.get(socket) ?? [])].filter(({ request }) => request.complete).map(({ response }) => response)
}

/** Returns the request of a connection whose head was parsed and whose body has not arrived completely. */
export function incompleteRequest(socket: Socket): IncomingMessage | undefined {
  return [...(exchanges.get(socket) ?? [])].find(({ request }) => !request.complete)?.request
}
