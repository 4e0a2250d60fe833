import { hash } from 'node:crypto'
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { KinesisClient } from '@aws-sdk/client-kinesis'
import type { S3Client } from '@aws-sdk/client-s3'
import { HttpRequest } from '@smithy/core/protocols'
import type { EndpointV2 } from '@smithy/types'
import { beforeDeadline } from '../deadline.ts'
import { createSign, type Sign } from './sigv4.ts'

export interface DirectRequest {
  method: 'POST' | 'PUT'
  /** Below the endpoint's own path, escaped, beginning with a slash. */
  path: string
  /** Unescaped. */
  query?: Readonly<Record<string, string>>
  /** Lower-case names. */
  headers: Record<string, string>
  body: Uint8Array
  /** SHA-256 of the body in lower-case hex, where it is known already, or what S3 takes in its place. */
  payloadHash?: string
  /** Breaks the request off. */
  signal?: AbortSignal
}

export interface DirectReply {
  headers: Readonly<Record<string, string>>
  body: Uint8Array
}

/** Resolves to what the service answered with a 200, and to undefined for whatever else it answered. */
export type SendDirect = (request: DirectRequest) => Promise<DirectReply | undefined>

export type DirectConfig = Pick<
  (S3Client | DynamoDBClient | KinesisClient)['config'],
  'credentials' | 'region' | 'requestHandler' | 'streamCollector' | 'systemClockOffset'
>

interface Target {
  endpoint: EndpointV2
  /** Of every request. */
  headers: Record<string, string>
  sign: Sign
}

/** Small requests are answered within milliseconds. After this long the client's own way is tried, which is more patient. */
const ANSWER_MS = 5_000

/**
 * Sends requests by what an SDK client was made with, its endpoint, region, credentials, clock offset and request handler,
 * and not by its middleware, which costs several times as much as all of these. One try and no more: what does not succeed
 * is for the client's own way, which knows of retries and errors. So only what may be done twice is sent by it.
 *
 * @param service the service's name in signatures, where the endpoint's rules do not give it
 * @param resolveEndpoint asked until it has once resolved
 */
export function createSendDirect(
  config: DirectConfig,
  service: string,
  resolveEndpoint: () => Promise<EndpointV2>,
): SendDirect {
  let target: Promise<Target> | undefined

  async function resolveTarget(): Promise<Target> {
    const endpoint = await resolveEndpoint()
    const scheme = endpoint.properties?.authSchemes?.[0]
    const region = scheme?.signingRegion ?? (await config.region())
    const own = Object.entries(endpoint.headers ?? {}).map(([name, values]) => [name.toLowerCase(), values.join()])
    return {
      endpoint,
      headers: { ...Object.fromEntries(own), host: endpoint.url.host, 'user-agent': 'headgate' },
      sign: createSign({ region, service: scheme?.signingName ?? service }),
    }
  }

  return async ({ method, path, query = {}, headers, body, payloadHash = hash('sha256', body), signal }) => {
    target ??= resolveTarget()
    const {
      endpoint,
      headers: shared,
      sign,
    } = await beforeDeadline(
      target.catch(error => {
        target = undefined
        throw error
      }),
    )
    const { url } = endpoint
    const whole = url.pathname === '/' ? path : url.pathname + path
    const all = {
      ...shared,
      ...headers,
      'content-length': String(body.byteLength),
      'x-amz-content-sha256': payloadHash,
    }
    const unsigned = { method, path: whole, query, headers: all, payloadHash }
    const date = new Date(Date.now() + config.systemClockOffset)
    const request = new HttpRequest({
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      ...(url.port !== '' && { port: Number(url.port) }),
      path: whole,
      query: { ...query },
      headers: sign(unsigned, await beforeDeadline(config.credentials()), date),
      body,
    })
    const { response } = await config.requestHandler.handle(request, {
      requestTimeout: ANSWER_MS,
      ...(signal && { abortSignal: signal }),
    })
    // Read to its end in any case, or its connection would not be used again.
    const reply = await config.streamCollector(response.body)
    return response.statusCode === 200 ? { headers: response.headers, body: reply } : undefined
  }
}
