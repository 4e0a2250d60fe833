import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttp2Server, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import type { AddressInfo, Server } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { runMain } from '../../services/platform/main.ts'
import { answerParent, sendToParent } from '../lib/channel.ts'
import { SourceKinesis } from './kinesis.ts'

const TYPES = { json: 'application/x-amz-json-1.1', cbor: 'application/x-amz-cbor-1.1' }

/** The addresses of the source. */
export interface SourceAddresses {
  http: string
  /** For the default Kinesis client, which uses HTTP/2 only. Without TLS, which costs the client less. */
  http2: string
}

/**
 * The process of the source: a Kinesis that always has more records, and sends them when the benchmark releases them.
 */
runMain(async () => {
  const kinesis = new SourceKinesis()

  async function serve(
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
  ): Promise<void> {
    const body = await buffer(request)
    const format = request.headers['content-type'] === TYPES.cbor ? 'cbor' : 'json'
    const target = String(request.headers['x-amz-target'])
    const reply = await kinesis.answer(target, format, body)
    response.statusCode = reply ? 200 : 501
    response.setHeader('content-type', TYPES[format])
    response.setHeader('content-length', reply?.length ?? 0)
    response.end(reply ?? '')
  }

  const handle = (request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse) => {
    serve(request, response).catch((error: unknown) => {
      process.stderr.write(`${error}\n`)
      response.destroy()
    })
  }
  const addresses: SourceAddresses = {
    http: await listen(createServer({ keepAliveTimeout: 600_000 }, handle)),
    http2: await listen(createHttp2Server(handle)),
  }

  answerParent('unknown', () => kinesis.unknown ?? '')
  // Questions have no arguments, so there is one for each stream.
  for (const stream of (process.env.STREAMS ?? '').split(',')) {
    answerParent(`release ${stream}`, () => kinesis.release(stream))
    answerParent(`open ${stream}`, () => kinesis.open(stream))
  }
  sendToParent('ready', addresses)
})

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
