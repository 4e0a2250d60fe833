import type { Server } from 'node:http'

/**
 * Has clients answered that end their side of the connection after a whole request (TCP half-close), as `nc -N` and some older
 * libraries do. A client that has gone looks the same until something is written to it: what waits for long must not
 * wait on after its connection has ended (see `openWatch`).
 */
export function answerHalfClosed(server: Server): void {
  // Node's own switch, which its types do not have.
  Object.assign(server, { httpAllowHalfOpen: true })
}
