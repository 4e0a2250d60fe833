import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { runMain } from '../../services/platform/main.ts'
import { setting } from '../contenders/tally.ts'
import { answerParent, sendToParent } from '../lib/channel.ts'
import { isUpper, textOfBytes } from './text.ts'

/** Counts of what was written to this server. */
export interface LargeObjectCounts {
  bytes: number
  parts: number
  /** Chunks that were not the upper-case text. */
  wrong: number
  completed: number
  aborted: number
  /** Updates of the upload's record. */
  updates: number
  /** The last request that this server does not support. */
  unknown: string
}

/** The size of every part except the last, in bytes. */
const PART_BYTES = 8 * 1024 ** 2

/**
 * An S3 with one large text, which is generated while it is read. It verifies what is written and stores nothing. It
 * also accepts every request to DynamoDB. The embedded S3 would need the disk and
 * compute digests, which this benchmark does not measure.
 */
runMain(async () => {
  const size = Number(setting('OBJECT_BYTES'))
  const counts: LargeObjectCounts = { bytes: 0, parts: 0, wrong: 0, completed: 0, aborted: 0, updates: 0, unknown: '' }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request
    const query = new URL(url, 'http://localhost').searchParams
    if (headers['x-amz-target']) {
      await drain(request)
      counts.updates += Number(headers['x-amz-target'].toString().endsWith('.UpdateItem'))
      return answer(response, '{}', 'application/x-amz-json-1.0')
    }
    switch (`${method} ${[...query.keys()].filter(key => key !== 'x-id').sort()}`) {
      case 'GET ': {
        const about = { 'content-length': size, 'content-type': 'text/plain', etag: '"large"' }
        response.writeHead(200, about)
        return await pipeline(Readable.from(textOfBytes(size)), response)
      }
      case 'POST uploads':
        await drain(request)
        return answer(response, xml('InitiateMultipartUploadResult', '<UploadId>1</UploadId>'))
      case 'PUT partNumber,uploadId':
        await look(request, (Number(query.get('partNumber')) - 1) * PART_BYTES)
        counts.parts++
        response.setHeader('etag', '"part"')
        return answer(response, '')
      case 'POST uploadId':
        await drain(request)
        counts.completed++
        return answer(response, xml('CompleteMultipartUploadResult', '<ETag>"whole"</ETag>'))
      case 'DELETE uploadId':
        counts.aborted++
        response.statusCode = 204
        return answer(response, '')
    }
    counts.unknown = `${method} ${url}`
    response.statusCode = 501
    answer(response, '')
  }

  async function look(request: IncomingMessage, offset: number): Promise<void> {
    let at = offset
    for await (const chunk of request as AsyncIterable<Buffer>) {
      if (!isUpper(chunk, at)) counts.wrong++
      at += chunk.byteLength
      counts.bytes += chunk.byteLength
    }
  }

  const server = createServer({ keepAliveTimeout: 600_000, requestTimeout: 0 }, (request, response) => {
    serve(request, response).catch((error: unknown) => {
      process.stderr.write(`${error}\n`)
      response.destroy()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  answerParent('counts', () => counts)
  sendToParent('ready', `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})

async function drain(request: IncomingMessage): Promise<void> {
  for await (const _ of request);
}

function xml(root: string, content: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><${root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${content}</${root}>`
}

function answer(response: ServerResponse, body: string, type = 'application/xml'): void {
  response.setHeader('content-type', type)
  response.setHeader('content-length', Buffer.byteLength(body))
  response.end(body)
}
