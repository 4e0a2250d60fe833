import type { IncomingMessage, Server, ServerResponse } from 'node:http'

/** Requests whose clients wait to be told to send the body. */
const waiting = new WeakSet<IncomingMessage>()

/**
 * Answers `Expect: 100-continue` (RFC 9110, 10.1.1) when the body is first read: after the token, the length and the type were looked
 * at. Node answers it before anything is. A request that is refused without its body gets its final answer at once.
 */
export function continueOnRead(server: Server): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.add(request)
    const read = request._read.bind(request)
    request._read = size => {
      request._read = read
      // A client that has begun to send, or that has its answer, waits for nothing.
      if (waiting.delete(request) && request.readableLength === 0 && !response.headersSent) response.writeContinue()
      read(size)
    }
    server.emit('request', request, response)
  })
  // An expectation that is not understood may be passed over (RFC 9110, 10.1.1); Node would answer it without a body.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response))
}

/** Whether the client still waits to be told to send the body. What comes next on its connection is then uncertain. */
export function waitsForContinue(request: IncomingMessage): boolean {
  return waiting.has(request)
}
