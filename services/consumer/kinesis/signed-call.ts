import { Readable } from 'node:stream'
import { GetRecordsCommand, type KinesisClient } from '@aws-sdk/client-kinesis'
import { getEndpointFromInstructions } from '@smithy/core/endpoints'
import { HttpRequest } from '@smithy/core/protocols'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { BodyPool } from './body-pool.ts'
import { CBOR, type HttpReply } from './cbor/error-reply.ts'
import { readBody } from './reply-body.ts'

export type SignedCall = (body: Buffer, signal: AbortSignal) => Promise<SignedReply>

export interface SignedReply extends HttpReply {
  /** Gives the body's memory back, for a reply to come. Nobody may hold any part of it then. */
  free(): void
}

type KinesisConfig = KinesisClient['config']

/**
 * GetRecords with a body in CBOR, by all that the client was made with: its endpoint, region, credentials, signer, clock
 * offset and request handler. Not by its middleware, which costs as much as hundreds of records.
 *
 * Throws what the network, the credentials or the signal throw. An error of Kinesis is a reply.
 */
export function createSignedCall({ config }: Pick<KinesisClient, 'config'>): SignedCall {
  const handler = handlerOf(config)
  const pool = new BodyPool()
  let resolved: Promise<Resolved> | undefined

  return async (body, signal) => {
    resolved ??= resolve(config)
    const { endpoint, signer } = await resolved.catch(error => {
      resolved = undefined
      throw error
    })
    const request = toRequest(endpoint, body)
    const signed = await signer.sign(request, { signingDate: new Date(Date.now() + config.systemClockOffset) })
    const { response } = await handler.handle(new HttpRequest(signed), { abortSignal: signal })
    const { statusCode: status, headers } = response
    if (!(response.body instanceof Readable)) {
      return { status, headers, body: Buffer.from(await config.streamCollector(response.body)), free: nothing }
    }
    const length = headers['content-length']
    let memory: Buffer | undefined
    const reply = await readBody(response.body, length === undefined ? undefined : Number(length), bytes => {
      memory = pool.take(bytes)
      return memory
    })
    return {
      status,
      headers,
      body: reply,
      free() {
        if (memory) pool.give(memory)
        memory = undefined
      },
    }
  }
}

const nothing = () => undefined

/** The client's own, with its agents and proxies; but by default that is one which opens an HTTP/2 session for each request. */
function handlerOf({ requestHandler }: KinesisConfig): KinesisConfig['requestHandler'] {
  if (requestHandler.metadata?.handlerProtocol !== 'h2') return requestHandler
  const agent = { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY }
  return new NodeHttpHandler({ connectionTimeout: 5_000, httpAgent: agent, httpsAgent: agent })
}

/** Once for all calls: the SDK makes a signer anew for each, of a copy of all its settings. It asks for credentials itself. */
async function resolve(config: KinesisConfig) {
  const endpoint = await getEndpointFromInstructions({}, GetRecordsCommand, config)
  return { endpoint, signer: await config.signer(endpoint.properties?.authSchemes?.[0]) }
}

type Resolved = Awaited<ReturnType<typeof resolve>>

function toRequest({ url, headers }: Resolved['endpoint'], body: Buffer): HttpRequest {
  return new HttpRequest({
    method: 'POST',
    protocol: url.protocol,
    hostname: url.hostname,
    ...(url.port !== '' && { port: Number(url.port) }),
    path: url.pathname,
    headers: {
      ...Object.fromEntries(Object.entries(headers ?? {}).map(([name, values]) => [name, values.join()])),
      host: url.host,
      'content-type': CBOR,
      'content-length': String(body.length),
      'x-amz-target': 'Kinesis_20131202.GetRecords',
      'user-agent': 'headgate-consumer',
    },
    body,
  })
}
