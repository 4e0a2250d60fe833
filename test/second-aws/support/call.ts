import { hash } from 'node:crypto'
import { createSigner } from '../../../services/platform/direct/sigv4.ts'

export interface Credentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
}

/** The root user of the account of both servers. */
export const root: Credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
export const REGION = 'us-east-1'

export interface Target {
  url: string
  credentials?: Credentials
}

/** A service rejected a call. `type` is the service's own name of the error. */
export class SecondAwsError extends Error {
  override readonly name = 'SecondAwsError'
  readonly code = 'HEADGATE_TEST_SECOND_AWS'
  readonly action: string
  readonly type: string
  readonly status: number

  constructor(action: string, { status, type, text }: { status: number; type: string; text: string }) {
    super(`${action} was answered with ${status} ${type}: ${text.slice(0, 1_000)}`)
    this.action = action
    this.type = type
    this.status = status
  }
}

type Json = Record<string, unknown>

/** Services that use JSON: the name in signatures, the prefix of operations in `x-amz-target`, and the version of JSON if it is not 1.1. */
const JSON_SERVICES = {
  cognito: { service: 'cognito-idp', prefix: 'AWSCognitoIdentityProviderService' },
  ssm: { service: 'ssm', prefix: 'AmazonSSM' },
  logs: { service: 'logs', prefix: 'Logs_20140328' },
  ecs: { service: 'ecs', prefix: 'AmazonEC2ContainerServiceV20141113' },
  events: { service: 'events', prefix: 'AWSEvents' },
  sqs: { service: 'sqs', prefix: 'AmazonSQS', version: '1.0' },
} as const satisfies Record<string, JsonService>

interface JsonService {
  service: string
  prefix: string
  version?: string
}

/**
 * Sends a signed request to a service that uses JSON and has no SDK client here.
 *
 * @throws SecondAwsError
 */
export async function callJson(
  target: Target,
  service: keyof typeof JSON_SERVICES,
  action: string,
  input: Json,
): Promise<Json> {
  const { service: name, prefix, version = '1.1' }: JsonService = JSON_SERVICES[service]
  const headers = { 'content-type': `application/x-amz-json-${version}`, 'x-amz-target': `${prefix}.${action}` }
  const text = await post(target, { service: name, action, headers, body: JSON.stringify(input) })
  return (text === '' ? {} : JSON.parse(text)) as Json
}

/** The API version of each service that accepts a form and responds with XML. */
const QUERY_SERVICES = {
  cloudformation: '2010-05-15',
  iam: '2010-05-08',
  sts: '2011-06-15',
  sns: '2010-03-31',
} as const

/**
 * Sends a signed request to a service that responds with XML.
 *
 * @throws SecondAwsError
 */
export function callQuery(
  target: Target,
  service: keyof typeof QUERY_SERVICES,
  action: string,
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  const body = new URLSearchParams({ Action: action, Version: QUERY_SERVICES[service], ...parameters }).toString()
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return post(target, { service, action, headers, body })
}

interface Post {
  service: string
  action: string
  headers: Record<string, string>
  body: string
}

/** A service may do long work in one call, such as creating a stack. */
const TIMEOUT_MS = 120_000

async function post({ url, credentials = root }: Target, { service, action, headers, body }: Post): Promise<string> {
  const sign = createSigner({ region: REGION, service })
  const unsigned = {
    method: 'POST',
    path: '/',
    query: {},
    headers: { ...headers, host: new URL(url).host },
    payloadHash: hash('sha256', body),
  }
  const { host: _, ...signed } = sign(unsigned, credentials, new Date())
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const response = await fetch(url, { method: 'POST', headers: signed, body, signal })
  const text = await response.text()
  if (response.ok) return text
  throw new SecondAwsError(`${service}:${action}`, { status: response.status, type: typeIn(text), text })
}

function typeIn(text: string): string {
  return /<Code>([^<]+)/.exec(text)?.[1] ?? /"__type":\s*"(?:[^"#]*#)?([^"]+)"/.exec(text)?.[1] ?? 'Unknown'
}
