import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttp2Server, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import type { AddressInfo, Server } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { runMain } from '../../services/platform/main.ts'
import { names } from '../../services/platform/resources.ts'
import { answerParent, sendToParent } from '../lib/channel.ts'
import { takeJson } from './aws-json.ts'
import { noCounts, type SinkCounts, type SinkReply } from './counts.ts'
import { createS3 } from './s3.ts'
import { takeNotification, WEBHOOK_PATH } from './webhook.ts'

/** The addresses of the sink. */
export interface SinkAddresses {
  /** For clients that use HTTP/1.1. */
  http: string
  /** For the default Kinesis client, which uses HTTP/2 only. Without TLS, which costs the client less. */
  http2: string
}

/**
 * A DynamoDB for every table except the table of uploads: leases do not work with a server that accepts every write.
 */
const { LEASES_URL } = process.env
const UPLOADS = `"TableName":"${names.uploadsTable}"`

/** The process of the sink: S3, DynamoDB, Kinesis and a webhook that respond at once. */
runMain(async () => {
  const counts: SinkCounts = { ...noCounts }
  const s3 = createS3(counts)

  async function serve(
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
  ): Promise<void> {
    const { method = '', url = '', headers } = request
    const target = headers['x-amz-target']?.toString()
    let reply: SinkReply
    if (method === 'POST' && url === WEBHOOK_PATH) reply = takeNotification(await buffer(request), counts)
    else if (target === undefined) reply = await s3({ method, url, headers, body: request })
    else {
      const body = await buffer(request)
      if (LEASES_URL && target.startsWith('DynamoDB') && !body.includes(UPLOADS)) {
        return await passOn(LEASES_URL, request, body, response)
      }
      reply = takeJson(target, body, counts)
    }
    response.statusCode = reply.status
    response.setHeader('content-length', Buffer.byteLength(reply.body))
    for (const [name, value] of Object.entries(reply.headers)) response.setHeader(name, value)
    response.end(reply.body)
  }

  const handle = (request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse) => {
    serve(request, response).catch((error: unknown) => {
      // An incomplete request is not an upload. The contender has failed or ended, and the counts show it.
      process.stderr.write(`${error}\n`)
      response.destroy()
    })
  }

  const addresses: SinkAddresses = {
    // Idle clients keep their connections between rounds.
    http: await listen(createServer({ keepAliveTimeout: 600_000 }, handle)),
    http2: await listen(createHttp2Server(handle)),
  }
  answerParent('counts', () => counts)
  sendToParent('ready', addresses)
})

/** Forwards a request to a real DynamoDB. */
async function passOn(
  url: string,
  { headers }: IncomingMessage | Http2ServerRequest,
  body: Buffer,
  response: ServerResponse | Http2ServerResponse,
): Promise<void> {
  const { host: _host, connection: _connection, 'content-length': _length, ...kept } = headers
  const entries = Object.entries(kept).map(([name, value]): [string, string] => [name, String(value)])
  const reply = await fetch(url, { method: 'POST', headers: entries, body: new Uint8Array(body) })
  response.statusCode = reply.status
  response.setHeader('content-type', reply.headers.get('content-type') ?? '')
  response.end(Buffer.from(await reply.arrayBuffer()))
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
