import { Readable } from 'node:stream'
import { GetRecordsCommand, type KinesisClient } from '@aws-sdk/client-kinesis'
import { getEndpointFromInstructions } from '@smithy/core/endpoints'
import { HttpRequest } from '@smithy/core/protocols'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { StreamReplyError } from '../errors.ts'
import type { GetRecordsOptions } from '../stream.ts'
import { BodyPool } from './body-pool.ts'
import { CBOR, type HttpReply } from './cbor/error-reply.ts'
import { discard, readBody } from './reply-body.ts'

export type SignedCall = (body: Buffer, options: CallOptions) => Promise<SignedReply>

export interface CallOptions {
  signal: AbortSignal
  /** See `GetRecordsOptions`. */
  receive?: GetRecordsOptions['receive'] | undefined
}

export interface SignedReply extends HttpReply {
  /** Returns the memory of the body to the pool. Nothing may refer to any part of it afterwards. */
  free(): void
}

type KinesisConfig = KinesisClient['config']

/**
 * Creates a call of GetRecords with a body in CBOR. It uses the endpoint, region, credentials, signer, clock offset and
 * request handler of the client, but not its middleware, which costs as much as hundreds of records.
 *
 * A stream that is given by its ARN has the endpoint of its account.
 *
 * The call throws errors of the network, the credentials and the signal. An error of Kinesis is a reply.
 */
export function createSignedCall({ config }: Pick<KinesisClient, 'config'>, streamArn?: string): SignedCall {
  const handler = handlerOf(config)
  const pool = new BodyPool()
  let resolved: Promise<Resolved> | undefined

  return async (body, { signal, receive }) => {
    resolved ??= resolve(config, streamArn)
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
    const length = headers['content-length'] === undefined ? undefined : Number(headers['content-length'])
    if (length !== undefined) await waitToReceive(response.body, length, { signal, receive })
    let memory: Buffer | undefined
    const reply = await readBody(response.body, length, bytes => {
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

/**
 * Leaves the body on the connection until there is memory for it.
 *
 * @throws StreamReplyError if the memory does not become free before the call times out
 */
async function waitToReceive(body: Readable, length: number, { signal, receive }: CallOptions): Promise<void> {
  await receive?.(length, signal)
  if (!signal.aborted) return
  discard(body)
  throw new StreamReplyError(`A reply of Kinesis was dropped: there was no memory for its ${length} bytes in time.`)
}

const nothing = () => undefined

/**
 * Returns the handler of the client, with its agents and proxies. But the default handler opens an HTTP/2 session for
 * each request, and is replaced.
 */
function handlerOf({ requestHandler }: KinesisConfig): KinesisConfig['requestHandler'] {
  if (requestHandler.metadata?.handlerProtocol !== 'h2') return requestHandler
  const agent = { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY }
  return new NodeHttpHandler({ connectionTimeout: 5_000, httpAgent: agent, httpsAgent: agent })
}

/**
 * Resolves the endpoint and the signer once for all calls. The SDK creates a signer for each call, from a copy of all
 * its settings. The signer fetches credentials itself.
 */
async function resolve(config: KinesisConfig, streamArn: string | undefined) {
  const stream = streamArn === undefined ? {} : { StreamARN: streamArn }
  const endpoint = await getEndpointFromInstructions(stream, GetRecordsCommand, config)
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
