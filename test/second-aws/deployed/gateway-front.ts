import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import type { Test } from 'tap'

/**
 * A server in front of one API of ministack's API Gateway. ministack tells its APIs apart by the Host header, as AWS does, and this
 * machine cannot resolve those names. So clients have the paths that they have on AWS, which the other addresses of ministack would
 * change.
 *
 * @param apiUrl the output of the stack
 * @returns the URL that clients use in its place, without a slash at its end
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
    // A client that hangs up, or a gateway that does, ends the other side as well.
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
