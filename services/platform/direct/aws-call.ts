import type { EndpointV2 } from '@smithy/types'
import { HeadgateError } from '../errors.ts'
import { createSendSigned, type DirectConfig } from './request.ts'

/** A service answered a call with an error. */
export class AwsCallError extends HeadgateError {
  readonly code = 'HEADGATE_AWS_CALL'
  /** The name of the error in the API of the service, such as `AccessDeniedException`. */
  readonly awsCode: string
  readonly status: number

  constructor(awsCode: string, status: number, message: string) {
    super(`${awsCode}: ${message}`)
    this.awsCode = awsCode
    this.status = status
  }
}

/** A service that is called too rarely to bring its client along. */
export interface CalledService {
  /** The first part of its host name, which is also its name in signatures. */
  name: 'events' | 'secretsmanager'
  /** The part of `X-Amz-Target` before the operation. */
  target: string
  /** The variable that replaces its endpoint, before `AWS_ENDPOINT_URL`. */
  endpointVariable: string
}

export const eventBridge: CalledService = {
  name: 'events',
  target: 'AWSEvents',
  endpointVariable: 'AWS_ENDPOINT_URL_EVENTBRIDGE',
}

export const secretsManager: CalledService = {
  name: 'secretsmanager',
  target: 'secretsmanager',
  endpointVariable: 'AWS_ENDPOINT_URL_SECRETS_MANAGER',
}

export interface AwsCallSettings {
  /** The configuration of any client of the process, whose credentials, clock offset and connections are used. */
  config: DirectConfig
  service: CalledService
  region: string
  env: NodeJS.ProcessEnv
}

/**
 * Calls an operation once.
 *
 * @throws AwsCallError if the service answers with an error
 * @throws the error of the request handler if there is no answer
 */
export type AwsCall = (operation: string, input: object, signal: AbortSignal) => Promise<unknown>

/** Creates a function that calls a service whose protocol is JSON, without a client of the SDK and without retries. */
export function createAwsCall({ config, service, region, env }: AwsCallSettings): AwsCall {
  const endpoint: EndpointV2 = {
    url: new URL(endpointOf(service, region, env)),
    properties: { authSchemes: [{ name: 'sigv4', signingName: service.name, signingRegion: region, properties: {} }] },
  }
  const send = createSendSigned(config, service.name, async () => endpoint)
  return async (operation, input, signal) => {
    const { status, headers, body } = await send({
      method: 'POST',
      path: '/',
      headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `${service.target}.${operation}` },
      body: Buffer.from(JSON.stringify(input)),
      signal,
    })
    const text = Buffer.from(body).toString()
    if (status === 200) return JSON.parse(text)
    throw errorOf(status, headers, text)
  }
}

function endpointOf({ name, endpointVariable }: CalledService, region: string, env: NodeJS.ProcessEnv): string {
  const own = env[endpointVariable] || env.AWS_ENDPOINT_URL
  if (own && env.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS !== 'true') return own
  const fips = env.AWS_USE_FIPS_ENDPOINT === 'true' ? '-fips' : ''
  return `https://${name}${fips}.${region}.${region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'}`
}

/** Reads an error. Its name is in the body or in a header, and other servers than AWS's send neither. */
function errorOf(status: number, headers: Readonly<Record<string, string>>, text: string): AwsCallError {
  const { __type, message, Message } = parseObject(text)
  const type = typeof __type === 'string' ? __type : (headers['x-amzn-errortype'] ?? `HTTP ${status}`)
  const awsCode = type.replace(/^.*#/, '').replace(/:.*$/, '')
  const why = [message, Message].find(it => typeof it === 'string') ?? `the answer has the status ${status}`
  return new AwsCallError(awsCode, status, String(why))
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    // The answer of a proxy, for example.
    return {}
  }
}
