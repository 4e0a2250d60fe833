import { randomInt } from 'node:crypto'
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

/**
 * A free port that the system gives to no connection of its own. Of another, one of the many tries before it is listened on would
 * now and then be given that very port, connect to itself, and keep the process from having it.
 *
 * @throws the system's error, where none of twenty is free
 */
export async function findQuietPort(host: string): Promise<number> {
  for (let tries = 1; ; tries++) {
    try {
      return await findPort(host, randomInt(10_000, 32_768))
    } catch (error) {
      if (tries === 20) throw error
    }
  }
}
