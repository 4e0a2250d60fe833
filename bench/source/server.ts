import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { runMain } from '../../services/platform/main.ts'
import { answerParent, tellParent } from '../lib/channel.ts'
import { SourceKinesis } from './kinesis.ts'

const TYPES = { json: 'application/x-amz-json-1.1', cbor: 'application/x-amz-cbor-1.1' }

/** The source as a process: a Kinesis that always has more, and gives it when it is told to. */
runMain(async () => {
  const kinesis = new SourceKinesis()

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request)
    const format = request.headers['content-type'] === TYPES.cbor ? 'cbor' : 'json'
    const target = String(request.headers['x-amz-target'])
    const reply = await kinesis.answer(target, format, body)
    if (reply) response.writeHead(200, { 'content-type': TYPES[format], 'content-length': reply.length }).end(reply)
    else response.writeHead(501).end()
  }

  const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
    serve(request, response).catch((error: unknown) => {
      process.stderr.write(`${error}\n`)
      response.destroy()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  answerParent('unknown', () => kinesis.unknown ?? '')
  // Questions have no arguments: there is one for each stream.
  for (const stream of (process.env.STREAMS ?? '').split(',')) {
    answerParent(`release ${stream}`, () => kinesis.release(stream))
  }
  tellParent('ready', `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
