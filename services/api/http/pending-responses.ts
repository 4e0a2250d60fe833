import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

interface Exchange {
  request: IncomingMessage
  response: ServerResponse
}

const exchanges = new WeakMap<Socket, Set<Exchange>>()

/** Tracks the requests in flight of each connection. */
export function trackRequests(server: Server): void {
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
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
