import type { EndpointV2 } from '@smithy/types'
import { createFallBack } from './fall-back.ts'
import { createSendDirect, type DirectConfig } from './request.ts'

/** An AWS service whose requests are JSON. */
export interface JsonService {
  name: 'dynamodb' | 'kinesis'
  /** The media type of requests. It names the version of the protocol. */
  contentType: string
  /** The part of `X-Amz-Target` before the operation. */
  target: string
  resolveEndpoint(): Promise<EndpointV2>
}

export interface DirectOptions<Reply> {
  signal?: AbortSignal | undefined
  /** Returns false for a reply that must not be used. The SDK then makes the request again. */
  isComplete?(reply: Reply): boolean
}

/** Makes a direct request. If it fails for any reason, makes the request with the SDK. @throws the error of the SDK */
export type DirectOrSdk = <Reply>(
  operation: string,
  input: object,
  useSdk: () => Promise<Reply>,
  options?: DirectOptions<Reply>,
) => Promise<Reply>

/**
 * Creates a function that makes direct requests to a service, and falls back to the SDK. Direct requests skip the SDK's middleware,
 * which costs several times as much as the request itself. Only requests that every upload makes are worth it. The request must be
 * repeatable, because the SDK repeats a direct request whose response was lost. The input is sent as JSON and must not contain bytes.
 */
export function createDirectOrSdk(config: DirectConfig, service: JsonService): DirectOrSdk {
  const send = createSendDirect(config, service.name, () => service.resolveEndpoint())
  const fallBack = createFallBack(service.name)

  async function sendDirectly(operation: string, input: object, signal: AbortSignal | undefined): Promise<unknown> {
    const headers = { 'content-type': service.contentType, 'x-amz-target': `${service.target}.${operation}` }
    const body = Buffer.from(JSON.stringify(input))
    const reply = await send({ method: 'POST', path: '/', headers, body, signal })
    return reply && JSON.parse(Buffer.from(reply.body).toString())
  }

  return async <Reply>(
    operation: string,
    input: object,
    useSdk: () => Promise<Reply>,
    { signal, isComplete = () => true }: DirectOptions<Reply> = {},
  ) => {
    let isDirect = true
    const reply = await fallBack(
      () => sendDirectly(operation, input, signal) as Promise<Reply | undefined>,
      () => {
        isDirect = false
        return useSdk()
      },
    )
    return isDirect && !isComplete(reply) ? await useSdk() : reply
  }
}
