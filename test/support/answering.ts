import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

export interface AnsweringServer {
  url: string
  /** The number of requests so far. */
  count(): number
}

/**
 * Starts a server on 127.0.0.1 that responds to every request, for the duration of the test.
 *
 * @param answer returns the body of the nth response, counted from 1
 */
export async function startAnswering(
  t: Pick<Test, 'teardown'>,
  answer: (nth: number, path: string) => string,
): Promise<AnsweringServer> {
  let count = 0
  const server = createServer(async (request, response) => {
    const body = answer(++count, request.url ?? '')
    request.resume()
    await once(request, 'end')
    response.setHeader('content-type', body.startsWith('<') ? 'application/xml' : 'application/x-amz-json-1.0')
    response.end(body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, count: () => count }
}
