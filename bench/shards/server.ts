import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { runMain } from '../../services/platform/main.ts'
import { answerParent, sendToParent } from '../lib/channel.ts'
import { ShardsKinesis, type ShardsSettings } from './kinesis.ts'

const CBOR = 'application/x-amz-cbor-1.1'

/** What the server has done. */
export interface ShardsReport {
  throttled: number
  /** Empty if every request is supported. */
  unknown: string
}

/** The process of the stream with many shards. */
runMain(async () => {
  const kinesis = new ShardsKinesis(JSON.parse(process.env.SHARDS_SETTINGS ?? '') as ShardsSettings)

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const type = request.headers['content-type'] ?? ''
    const { status, body } = kinesis.answer(
      String(request.headers['x-amz-target']),
      type === CBOR,
      await buffer(request),
    )
    response.writeHead(status, { 'content-type': type, 'content-length': body.length }).end(body)
  }

  const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
    serve(request, response).catch((error: unknown) => {
      process.stderr.write(`${error}\n`)
      response.destroy()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  answerParent('report', (): ShardsReport => ({ throttled: kinesis.throttled, unknown: kinesis.unknown ?? '' }))
  sendToParent('ready', `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
