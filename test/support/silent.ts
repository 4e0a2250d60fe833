import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/**
 * Starts a server on 127.0.0.1 that accepts connections and never responds, for the duration of the test. Resolves to
 * its URL.
 */
export async function startSilent(t: Pick<Test, 'teardown'>): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => undefined) // A client that disconnects may reset the connection.
    socket.on('close', () => sockets.delete(socket))
    // The request is read, so that the client is not blocked while sending.
    socket.resume()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
