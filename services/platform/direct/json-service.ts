import type { EndpointV2 } from '@smithy/types'
import { createSendDirect, type DirectConfig } from './request.ts'

/** An AWS service whose requests are JSON. */
export interface JsonService {
  name: 'dynamodb' | 'kinesis'
  /** The media type of requests. It names the version of the protocol. */
  contentType: string
  /** What `X-Amz-Target` has before the operation. */
  target: string
  resolveEndpoint(): Promise<EndpointV2>
}

export interface DirectOptions<Reply> {
  signal?: AbortSignal
  /** Returns false for a reply that must not be used. The SDK then makes the request again. */
  isComplete?(reply: Reply): boolean
}

/** Makes one request directly. Makes it again with the SDK if it fails for any reason, and then throws what the SDK throws. */
export type DirectOrSdk = <Reply>(
  operation: string,
  input: object,
  useSdk: () => Promise<Reply>,
  options?: DirectOptions<Reply>,
) => Promise<Reply>

/**
 * Direct requests skip the SDK's middleware, which costs several times as much as the request itself. So only the requests that every
 * upload makes are direct, and only requests that may be repeated: a direct request whose reply was lost is repeated by the SDK. The
 * input is sent as JSON and must not contain bytes.
 */
export function createDirectOrSdk(config: DirectConfig, service: JsonService): DirectOrSdk {
  const send = createSendDirect(config, service.name, () => service.resolveEndpoint())

  async function sendDirectly(operation: string, input: object, signal: AbortSignal | undefined): Promise<unknown> {
    const headers = { 'content-type': service.contentType, 'x-amz-target': `${service.target}.${operation}` }
    const body = Buffer.from(JSON.stringify(input))
    const reply = await send({ method: 'POST', path: '/', headers, body, ...(signal && { signal }) })
    return reply && JSON.parse(Buffer.from(reply.body).toString())
  }

  return async <Reply>(
    operation: string,
    input: object,
    useSdk: () => Promise<Reply>,
    { signal, isComplete = () => true }: DirectOptions<Reply> = {},
  ) => {
    // An error is not reported here: if it persists, the SDK meets it too and throws it.
    const reply = (await sendDirectly(operation, input, signal).catch(() => undefined)) as Reply | undefined
    return reply !== undefined && isComplete(reply) ? reply : await useSdk()
  }
}
