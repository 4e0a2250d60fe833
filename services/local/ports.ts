import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/**
 * Resolves to the port if it is free, or to a free port if it is 0. The port is released at once, so another program
 * can take it before the caller does.
 *
 * @throws the system's error, EADDRINUSE if the port is in use
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
 * Resolves to a free port below the range from which the system picks ports for outgoing connections. A caller that
 * connects to a port in that range before anything listens there can be given this very port for its own end. It then
 * connects to itself, and the port stays in use.
 *
 * @throws the system's error, if none of twenty random ports is free
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

/** Returns whether an error says that a port is in use. */
export function isPortTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}

/** Resolves to the first free port above the given one, or to undefined if the next hundred are in use. */
export async function nextFreePort(host: string, port: number): Promise<number | undefined> {
  for (let next = port + 1; next <= Math.min(65_535, port + 100); next++) {
    try {
      return await findPort(host, next)
    } catch {
      // In use, or refused by the system: the next one may be free.
    }
  }
  return undefined
}
