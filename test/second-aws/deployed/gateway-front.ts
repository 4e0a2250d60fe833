import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import type { Test } from 'tap'

/**
 * Starts a server in front of one API of ministack's API Gateway. ministack distinguishes its APIs by the Host header,
 * as AWS does, and this machine cannot resolve those names. With this server, clients use the same paths as on AWS. The
 * other addresses of ministack would change the paths.
 *
 * @param apiUrl the output of the stack
 * @returns the URL for clients, without a slash at its end
 */
export async function startGatewayFront(
  t: Pick<Test, 'teardown'>,
  { url }: { url: string },
  apiUrl: string,
): Promise<string> {
  const { hostname, pathname } = new URL(apiUrl)
  const host = `${hostname.split('.')[0]}.execute-api.localhost`
  const upstream = new URL(url)
  const server = createServer({ requestTimeout: 0 }, (incoming, response) => {
    const { method, url: path = '' } = incoming
    const headers = { ...incoming.headers, host }
    const onward = request(upstream, { method, path, headers, agent: false }, reply => {
      response.writeHead(reply.statusCode ?? 502, reply.rawHeaders)
      pipeline(reply, response).catch(() => response.destroy())
    })
    // If the client or the gateway closes its connection, the other connection is closed too.
    pipeline(incoming, onward).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}${pathname.replace(/\/$/, '')}`
}
