import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

interface Exchange {
  request: IncomingMessage
  response: ServerResponse
}

const exchanges = new WeakMap<Socket, Set<Exchange>>()

/** Keeps in mind which requests of a connection are not answered yet. */
export function rememberRequests(server: Server): void {
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request
    const open = exchanges.get(socket) ?? new Set()
    exchanges.set(socket, open)
    const exchange = { request, response }
    open.add(exchange)
    response.once('close', () => open.delete(exchange))
  })
}

/** The answers that requests of a connection wait for which have arrived whole. */
export function outstandingAnswers(socket: Socket): ServerResponse[] {
  return [...(exchanges.get(socket) ?? [])].filter(({ request }) => request.complete).map(({ response }) => response)
}

/** The request of a connection whose head was read and whose body has not arrived whole. */
export function arrivingRequest(socket: Socket): IncomingMessage | undefined {
  return [...(exchanges.get(socket) ?? [])].find(({ request }) => !request.complete)?.request
}
