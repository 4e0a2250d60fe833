import { createHash } from 'node:crypto'
import { createSigner } from '../../platform/direct/sigv4.ts'
import { attempt, RequestFailedError } from './attempt.ts'
import type { CheckContext } from './check.ts'
import { endpointOf } from './endpoints.ts'
import { fetchText, parseJsonObject } from './http.ts'

/** The parts of a mapping that are looked at, by Lambda's names. */
export interface Mapping {
  UUID?: string
  EventSourceArn?: string
  State?: string
  LastProcessingResult?: string
  FunctionResponseTypes?: string[]
}

const PATH = '/2015-03-31/event-source-mappings/'
const NO_BODY = createHash('sha256').digest('hex')

/** What brings events to a function. One request: the SDK's client for Lambda is not worth its megabytes for it. */
export async function listMappings(
  { config, aws, env, signal, now }: CheckContext,
  lambda: string,
): Promise<Mapping[]> {
  const { AWS_REGION: region } = config
  const endpoint = new URL(endpointOf('lambda', region, env))
  // Lambda has policies name no mapping where they are listed.
  const asked = { action: 'lambda:ListEventSourceMappings', resource: '*', variable: 'PROCESSOR_FUNCTION' }
  const credentials = await attempt(asked, aws.kinesis.config.credentials())
  const query = { FunctionName: lambda }
  const request = { method: 'GET', path: PATH, query, headers: { host: endpoint.host }, payloadHash: NO_BODY }
  const { host: _host, ...headers } = createSigner({ region, service: 'lambda' })(request, credentials, new Date(now()))
  const url = `${endpoint.origin}${PATH}?${new URLSearchParams(query)}`
  const { status, headers: answered, text } = await fetchText(url, { headers, signal }, asked)
  const body = parseJsonObject(text) ?? {}
  if (status !== 200) throw new RequestFailedError(asked, refusal(status, answered.get('x-amzn-errortype'), body))
  const { EventSourceMappings: mappings } = body
  return Array.isArray(mappings) ? mappings : []
}

/** In the form of an error of the SDK. */
function refusal(status: number, type: string | null, { message, Message }: Record<string, unknown>): Error {
  const error = new Error(String(message ?? Message ?? status))
  error.name = type?.split(':')[0] ?? 'LambdaError'
  return Object.assign(error, { $metadata: { httpStatusCode: status } })
}
