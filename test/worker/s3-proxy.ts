import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AbortMultipartUploadCommand, S3Client } from '@aws-sdk/client-s3'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { Test } from 'tap'
import type { TestAws } from '../support/aws.ts'

/** What the proxy does with a request: pass it, respond with an error of S3, or hold it until a promise resolves. */
export type Fate = 'pass' | 'cut' | { status: number; code: string } | { held: Promise<void> }

export interface S3Proxy {
  /** A client that uses the proxy and does not retry. */
  s3: S3Client
  /** Sets what happens to the following requests. */
  decide(fate: (request: IncomingMessage) => Fate): void
  /** `METHOD /path?query` of every request. */
  seen: string[]
  /**
   * Aborts all multipart uploads that were started through the proxy, and returns how many were still open. The
   * response to an abort shows whether the upload was open.
   */
  endOpenUploads(): Promise<number>
}

/** The embedded S3 behind a proxy that can fail on demand. */
export async function startS3Proxy(t: Pick<Test, 'teardown'>, aws: TestAws): Promise<S3Proxy> {
  const target = new URL(aws.env.AWS_ENDPOINT_URL_S3 ?? '')
  const seen: string[] = []
  const begun: Array<{ Bucket: string; Key: string; UploadId: string }> = []
  let decision: (request: IncomingMessage) => Fate = () => 'pass'

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    seen.push(`${incoming.method} ${incoming.url}`)
    const fate = decision(incoming)
    if (typeof fate === 'object' && 'held' in fate) await fate.held
    if (typeof fate === 'object' && 'status' in fate) {
      incoming.resume()
      response.writeHead(fate.status, { 'content-type': 'application/xml' })
      response.end(`<Error><Code>${fate.code}</Code><Message>on demand</Message></Error>`)
      return
    }
    const onward = request(
      target,
      { method: incoming.method, path: incoming.url, headers: incoming.headers },
      reply => {
        response.writeHead(reply.statusCode ?? 500, reply.headers)
        if (fate === 'cut') {
          // Sends the start of the body and then resets the connection, like a broken network.
          reply.once('data', (chunk: Buffer) => response.write(chunk.subarray(0, 10), () => incoming.socket.destroy()))
          return
        }
        if (incoming.url?.includes('?uploads')) reply.on('data', (chunk: Buffer) => remember(chunk.toString()))
        reply.pipe(response)
      },
    )
    const end = () => {
      onward.destroy()
      incoming.socket.destroy()
    }
    onward.on('error', end)
    incoming.on('error', end)
    incoming.pipe(onward)
  }

  function remember(xml: string): void {
    const field = (name: string) => xml.match(`<${name}>(.*)</${name}>`)?.[1] ?? ''
    begun.push({ Bucket: field('Bucket'), Key: field('Key'), UploadId: field('UploadId') })
  }

  async function endOpenUploads(): Promise<number> {
    let open = 0
    for (const upload of begun.splice(0)) {
      try {
        await aws.s3.send(new AbortMultipartUploadCommand(upload))
        open++
      } catch (error) {
        if (!(error instanceof Error && error.name === 'NoSuchUpload')) throw error
      }
    }
    return open
  }

  const server = createServer((incoming, response) => {
    handle(incoming, response).catch(() => incoming.socket.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  t.teardown(() => {
    server.closeAllConnections()
    return new Promise(resolve => server.close(resolve))
  })
  const s3 = s3ClientAt(`http://127.0.0.1:${port}`)
  t.teardown(() => s3.destroy())
  return { s3, seen, endOpenUploads, decide: fate => (decision = fate) }
}

/** Creates a client for an endpoint that does not retry. */
export function s3ClientAt(endpoint: string): S3Client {
  return new S3Client({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    forcePathStyle: true,
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler(),
  })
}
