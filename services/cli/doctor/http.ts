import { HeadgateError } from '../../platform/errors.ts'
import { attempt, type RequestTarget } from './attempt.ts'

/** The responses to checks are smaller. */
const MAX_BYTES = 1_000_000

/** The body of a response is longer than expected. */
export class BodyTooLargeError extends HeadgateError {
  readonly code = 'HEADGATE_BODY_TOO_LARGE'

  constructor(maxBytes: number) {
    super(`The body of the response is longer than ${maxBytes} bytes, and was not read further.`)
  }
}

/**
 * Reads the body of a response. Cancels it at the maximum, because a body that never ends must not fill the memory.
 *
 * @throws BodyTooLargeError
 */
export async function readBody(response: Response, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  // Leaving the loop early cancels the body, which closes its connection.
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > maxBytes) throw new BodyTooLargeError(maxBytes)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Makes one request without the SDK. Redirects are not followed: no check expects one, and a token must not follow one. */
export async function fetchText(
  url: string,
  init: RequestInit,
  target: RequestTarget,
): Promise<{ status: number; headers: Headers; text: string }> {
  const response = await attempt(target, fetch(url, { redirect: 'manual', ...init }))
  const body = await attempt(target, readBody(response, MAX_BYTES))
  return { status: response.status, headers: response.headers, text: body.toString() }
}

/** Advice for when something other than the api responds at API_URL. */
export const API_URL_ADVICE =
  'Set API_URL to the root of the api, with the stage of a REST API (https://….amazonaws.com/api), without /uploads.'

/** Returns the endpoint of an AWS service by the SDK's own settings. */
export function endpointOf(service: 'dynamodb' | 'lambda', region: string, env: NodeJS.ProcessEnv): string {
  const configured = env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] || env.AWS_ENDPOINT_URL
  return configured || `https://${service}.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`
}

/** Parses a JSON object. Returns undefined for any other text. */
export function parseJsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}
