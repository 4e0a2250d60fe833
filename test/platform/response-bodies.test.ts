import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { GetObjectCommand } from '@aws-sdk/client-s3'
import { HttpRequest } from '@smithy/core/protocols'
import t, { type Test } from 'tap'
import { createAwsClients } from '../../services/platform/aws.ts'

const CONTENT = 'a,b\n1,2\n'

/** Starts an S3 with a single connection. It sends an object at once, or its second half when the test asks for it. */
async function startS3(t: Test, { withChecksum = true, atOnce = false } = {}) {
  const open: ServerResponse[] = []
  const server = createServer((request, response) => {
    request.resume()
    const checksum = Buffer.alloc(4)
    checksum.writeUInt32BE(crc32(CONTENT))
    response.writeHead(200, {
      'content-length': CONTENT.length,
      ...(withChecksum && { 'x-amz-checksum-crc32': checksum.toString('base64') }),
    })
    if (atOnce) return response.end(CONTENT)
    response.write(CONTENT.slice(0, 4))
    open.push(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  process.env.AWS_ENDPOINT_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  process.env.AWS_ACCESS_KEY_ID = 'test'
  process.env.AWS_SECRET_ACCESS_KEY = 'test'
  const clients = createAwsClients({ region: 'us-east-1', maxSockets: 1 })
  t.teardown(() => {
    clients.destroy()
    server.closeAllConnections()
    server.close()
  })
  async function get(abortSignal?: AbortSignal): Promise<Readable> {
    const command = new GetObjectCommand({ Bucket: 'bucket', Key: 'key' })
    const { Body } = await clients.s3.send(command, abortSignal && { abortSignal })
    if (!(Body instanceof Readable)) throw new Error('no stream')
    return Body
  }
  return {
    ...clients,
    get,
    /** Resolves to an object that has arrived whole, so that the connection is free for the next response. */
    async getWhole(): Promise<Readable> {
      const body = await get()
      ;(await get()).resume()
      return body
    },
    complete: () => open.splice(0).forEach(response => void response.end(CONTENT.slice(4))),
    cut: () => open.splice(0).forEach(response => void response.destroy()),
  }
}

/** Resolves once the stream is closed and the errors of what it wraps have been emitted. tap fails a test with an uncaught error. */
async function closed(body: Readable): Promise<void> {
  await new Promise<void>(resolve => {
    if (body.closed) resolve()
    else body.once('close', resolve)
  })
  for (let turns = 0; turns < 5; turns++) await turn()
}

for (const withChecksum of [true, false]) {
  const which = withChecksum ? 'a body that the SDK compares with its checksum' : 'a body as it comes'

  t.test(`${which} that is destroyed unread causes no uncaught error`, async t => {
    const s3 = await startS3(t, { withChecksum })
    const body = await s3.get()
    body.destroy()
    await closed(body)
    t.ok(body.destroyed)
  })

  t.test(`${which} that has arrived whole and is destroyed unread causes no uncaught error`, async t => {
    const s3 = await startS3(t, { withChecksum, atOnce: true })
    const body = await s3.getWhole()
    body.destroy()
    await closed(body)
    t.ok(body.destroyed)
  })

  t.test(`${which} that is destroyed with an error causes no uncaught error`, async t => {
    const s3 = await startS3(t, { withChecksum })
    const body = await s3.get()
    body.destroy(new Error('not wanted'))
    await closed(body)
    t.match(body.errored, { message: 'not wanted' })
  })

  t.test(
    `${which}, aborted before anybody reads it, is no uncaught error, and its later reader has the error`,
    async t => {
      const s3 = await startS3(t, { withChecksum })
      const abort = new AbortController()
      const body = await s3.get(abort.signal)
      abort.abort(new Error('called off'))
      await closed(body)
      await t.rejects(text(body))
    },
  )

  t.test(`${which} whose connection breaks while nobody reads it causes no uncaught error`, async t => {
    const s3 = await startS3(t, { withChecksum })
    const body = await s3.get()
    body.read(0)
    s3.cut()
    await closed(body)
    await t.rejects(text(body))
  })

  t.test(`the reader of ${which} gets the error when the connection breaks`, async t => {
    const s3 = await startS3(t, { withChecksum })
    const body = await s3.get()
    const reading = text(body)
    s3.cut()
    await t.rejects(reading)
    await closed(body)
  })

  t.test(`${which} can be read to its end`, async t => {
    const s3 = await startS3(t, { withChecksum })
    const body = await s3.get()
    s3.complete()
    t.equal(await text(body), CONTENT)
  })
}

t.test('a response body of the request handler itself causes no uncaught error, for each client', async t => {
  const aws = await startS3(t, { atOnce: true })
  const { hostname, port } = new URL(process.env.AWS_ENDPOINT_URL ?? '')
  for (const { config } of [aws.s3, aws.kinesis, aws.dynamodb]) {
    const send = async (): Promise<Readable> => {
      const request = new HttpRequest({ protocol: 'http:', method: 'POST', hostname, port: Number(port), path: '/' })
      const { response } = await config.requestHandler.handle(request)
      if (!(response.body instanceof Readable)) throw new Error('no stream')
      return response.body
    }
    const body = await send()
    ;(await send()).resume()
    body.destroy()
    await closed(body)
    t.ok(body.destroyed)
  }
})
