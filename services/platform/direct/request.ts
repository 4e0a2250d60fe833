import { hash } from 'node:crypto'
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { KinesisClient } from '@aws-sdk/client-kinesis'
import type { S3Client } from '@aws-sdk/client-s3'
import { HttpRequest } from '@smithy/core/protocols'
import type { EndpointV2 } from '@smithy/types'
import { beforeDeadline } from '../deadline.ts'
import { createSigner, type Signer } from './sigv4.ts'

export interface DirectRequest {
  method: 'POST' | 'PUT'
  /** The escaped path below the endpoint, with a leading slash. */
  path: string
  /** Unescaped. @default no query */
  query?: Readonly<Record<string, string>>
  /** Names are in lower case. */
  headers: Record<string, string>
  body: Uint8Array
  /** SHA-256 of the body in lower-case hex, or a value that S3 accepts instead, such as UNSIGNED-PAYLOAD. Computed if it is unset. */
  payloadHash?: string
  /** Aborts the request. */
  signal?: AbortSignal | undefined
}

export interface DirectReply {
  headers: Readonly<Record<string, string>>
  body: Uint8Array
}

/** Resolves to the response if its status is 200, and to undefined for any other status. Rejects if there is no response. */
export type SendDirect = (request: DirectRequest) => Promise<DirectReply | undefined>

/** Resolves to the response, whatever its status is. Rejects if there is no response. */
export type SendSigned = (request: DirectRequest) => Promise<DirectReply & { status: number }>

export type DirectConfig = Pick<
  (S3Client | DynamoDBClient | KinesisClient)['config'],
  'credentials' | 'region' | 'requestHandler' | 'streamCollector' | 'systemClockOffset'
>

interface Target {
  endpoint: EndpointV2
  /** Headers that every request has. */
  headers: Record<string, string>
  sign: Signer
}

/** Small requests take milliseconds. After this time the SDK makes the request instead, with its own longer timeout. In milliseconds. */
const RESPONSE_TIMEOUT_MS = 5_000

/**
 * Returns a function that sends requests with the endpoint, region, credentials, clock offset and request handler of an SDK client,
 * but without the client's middleware, which costs several times as much as all of these. The function makes one attempt. If it
 * fails, the caller makes the request again with the SDK, which handles retries and errors. So use it only for requests that may be
 * repeated.
 *
 * @param service the service's name in signatures, if the endpoint does not give one
 * @param resolveEndpoint called until it has resolved once
 */
export function createSendDirect(
  config: DirectConfig,
  service: string,
  resolveEndpoint: () => Promise<EndpointV2>,
): SendDirect {
  const send = createSendSigned(config, service, resolveEndpoint)
  return async request => {
    const { status, headers, body } = await send(request)
    return status === 200 ? { headers, body } : undefined
  }
}

/** Returns a function like that of `createSendDirect`, for callers that handle errors themselves. */
export function createSendSigned(
  config: DirectConfig,
  service: string,
  resolveEndpoint: () => Promise<EndpointV2>,
): SendSigned {
  let target: Promise<Target> | undefined

  async function resolveTarget(): Promise<Target> {
    const endpoint = await resolveEndpoint()
    const scheme = endpoint.properties?.authSchemes?.[0]
    const region = scheme?.signingRegion ?? (await config.region())
    const own = Object.entries(endpoint.headers ?? {}).map(([name, values]) => [name.toLowerCase(), values.join()])
    return {
      endpoint,
      headers: { ...Object.fromEntries(own), host: endpoint.url.host, 'user-agent': 'headgate' },
      sign: createSigner({ region, service: scheme?.signingName ?? service }),
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
    const fullPath = url.pathname === '/' ? path : url.pathname + path
    const all = {
      ...shared,
      ...headers,
      'content-length': String(body.byteLength),
      'x-amz-content-sha256': payloadHash,
    }
    const unsigned = { method, path: fullPath, query, headers: all, payloadHash }
    const date = new Date(Date.now() + config.systemClockOffset)
    const request = new HttpRequest({
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      ...(url.port !== '' && { port: Number(url.port) }),
      path: fullPath,
      query: { ...query },
      headers: sign(unsigned, await beforeDeadline(config.credentials()), date),
      body,
    })
    const { response } = await config.requestHandler.handle(request, {
      requestTimeout: RESPONSE_TIMEOUT_MS,
      ...(signal && { abortSignal: signal }),
    })
    // The body is always read to its end. Otherwise the connection would not be reused.
    const reply = await config.streamCollector(response.body)
    return { status: response.statusCode, headers: response.headers, body: reply }
  }
}
