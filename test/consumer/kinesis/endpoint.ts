import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { KinesisClient, type KinesisClientConfig } from '@aws-sdk/client-kinesis'
import { cbor } from '@smithy/core/cbor'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { Test } from 'tap'

export const CBOR = 'application/x-amz-cbor-1.1'
export const JSON_1_1 = 'application/x-amz-json-1.1'

export interface Asked {
  headers: IncomingHttpHeaders
  body: Buffer
}

export type Answer = (asked: Asked, response: ServerResponse) => void

/** An endpoint with scripted answers, the last one repeated, that records its requests. */
export async function startEndpoint(t: Pick<Test, 'teardown'>, ...answers: Answer[]) {
  const asked: Asked[] = []
  const server = createServer(async (request, response) => {
    const question = { headers: request.headers, body: await buffer(request) }
    asked.push(question)
    answers[Math.min(asked.length, answers.length) - 1]?.(question, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    return new Promise(resolve => server.close(resolve))
  })
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  return {
    asked,
    /** The format of the body of each request, by its first two letters. */
    formats: () => asked.map(({ headers }) => (headers['content-type'] === CBOR ? 'cbor' : 'json')),
    client(config: KinesisClientConfig = {}) {
      const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', sessionToken: 'token' }
      const requestHandler = new NodeHttpHandler()
      const kinesis = new KinesisClient({ endpoint, region: 'eu-west-1', credentials, requestHandler, ...config })
      t.teardown(() => kinesis.destroy())
      return kinesis
    },
  }
}

/** An answer with that status: a value in CBOR or JSON, or plain text. */
export const answer =
  (status: number, type: string, value: unknown, headers: Record<string, string> = {}): Answer =>
  (_, response) => {
    const body = type === CBOR ? Buffer.from(cbor.serialize(value)) : JSON.stringify(value)
    response.writeHead(status, { 'content-type': type, ...headers }).end(typeof value === 'string' ? value : body)
  }

export const RECORDS = { Records: [], NextShardIterator: 'next', MillisBehindLatest: 5 }
export const inCbor = answer(200, CBOR, RECORDS)
export const inJson = answer(200, JSON_1_1, RECORDS)
/** Answers JSON requests in JSON, and other requests in another way. */
export const jsonOr =
  (other: Answer): Answer =>
  (asked, response) =>
    asked.headers['content-type'] === CBOR ? other(asked, response) : inJson(asked, response)
