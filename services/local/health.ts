import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PortRefusedError, PortTakenError } from './errors.ts'
import { isPortTaken } from './ports.ts'

export interface HealthServer {
  readonly port: number
  stop(): Promise<void>
}

/**
 * Starts a server that responds to GET /healthz with 200. It is started when everything else is ready, and it checks
 * nothing: if a server of the embedded AWS ends, the whole process ends.
 *
 * @throws PortTakenError, PortRefusedError
 */
export async function startHealth(host: string, port: number): Promise<HealthServer> {
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/healthz' ? 200 : 404, { 'content-type': 'text/plain' })
    response.end(request.url === '/healthz' ? 'ready\n' : 'not found\n')
  })
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (cause) {
    const PortError = isPortTaken(cause) ? PortTakenError : PortRefusedError
    throw new PortError('the health check', port, { cause })
  }
  server.on('error', error => console.error('The health check:', error))
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      server.closeAllConnections()
      const closed = once(server, 'close')
      server.close()
      await closed
    },
  }
}
