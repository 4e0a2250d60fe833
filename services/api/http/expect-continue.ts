import type { IncomingMessage, Server, ServerResponse } from 'node:http'

/** Requests whose clients wait for 100 Continue before they send the body. */
const waiting = new WeakSet<IncomingMessage>()

/**
 * Sends 100 Continue (RFC 9110, 10.1.1) when the body is first read, which is after the token, the length and the type were
 * checked. Node would send it before any check. A request that is rejected without its body gets its final response at once.
 */
export function continueOnRead(server: Server): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.add(request)
    const read = request._read.bind(request)
    request._read = size => {
      request._read = read
      // A client that already sends its body, or that has its response, does not wait.
      if (waiting.delete(request) && request.readableLength === 0 && !response.headersSent) response.writeContinue()
      read(size)
    }
    server.emit('request', request, response)
  })
  // An unknown expectation may be ignored (RFC 9110, 10.1.1). Node would send a response without a body.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response))
}

/** True if the client still waits for 100 Continue. It is then uncertain what it sends next on the connection. */
export function waitsForContinue(request: IncomingMessage): boolean {
  return waiting.has(request)
}
