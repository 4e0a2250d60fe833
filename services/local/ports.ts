import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/**
 * Finds out whether a port is free, or with 0 finds one that is. It is let go at once: what takes it next may be another.
 *
 * @throws the system's error, EADDRINUSE where the port is taken
 */
export async function findPort(host: string, port: number): Promise<number> {
  const server = createServer()
  server.listen(port, host)
  await once(server, 'listening')
  const found = (server.address() as AddressInfo).port
  const closed = once(server, 'close')
  server.close()
  await closed
  return found
}
