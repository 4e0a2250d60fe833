import { HeadgateError } from '../../platform/errors.ts'
import { attempt, type RequestTarget } from './attempt.ts'

/** No answer that a check asks for is larger. */
const MAX_BYTES = 1_000_000

/** The body of an answer does not end where it should. */
export class BodyTooLargeError extends HeadgateError {
  readonly code = 'HEADGATE_BODY_TOO_LARGE'

  constructor(maxBytes: number) {
    super(`The body of the answer is longer than ${maxBytes} bytes, and was not read further.`)
  }
}

/**
 * Reads the body of an answer, and cancels it at the bound: a body that never ends must not fill the memory.
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

/** One request, without the SDK. Redirects are answers: none is expected, and a token must not follow one. */
export async function fetchText(
  url: string,
  init: RequestInit,
  asked: RequestTarget,
): Promise<{ status: number; headers: Headers; text: string }> {
  const response = await attempt(asked, fetch(url, { redirect: 'manual', ...init }))
  const body = await attempt(asked, readBody(response, MAX_BYTES))
  return { status: response.status, headers: response.headers, text: body.toString() }
}

/** Of an address where something else answers. */
export const API_URL_ADVICE =
  'Set API_URL to the root of the api, with the stage where it is a REST API (https://….amazonaws.com/api), without /uploads.'

export interface ApiProbe {
  url: string
  status: number
  /** Who answered. API Gateway's own answers are told by their form. */
  by: 'the api' | 'API Gateway' | 'something else'
  /** What it says of a refusal. */
  detail: string
}

/** Asks the api for the latest upload of the token's owner: nothing is made, and nobody else's is seen. */
export async function probeApi(root: string, signal: AbortSignal, token?: string): Promise<ApiProbe> {
  const url = `${root}/uploads?limit=1`
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const asked = { action: 'GET', resource: url, variable: 'API_URL' }
  const { status, headers: answered, text } = await fetchText(url, { headers, signal }, asked)
  const type = answered.get('content-type') ?? ''
  const body = type.includes('json') ? (parseJsonObject(text) ?? {}) : {}
  // A REST API refuses in the same form, by a title alone: what it was about is not its to know.
  if (type.startsWith('application/problem+json')) {
    const { detail, title } = body
    if (typeof detail === 'string') return { url, status, by: 'the api', detail }
    return { url, status, by: 'API Gateway', detail: String(title) }
  }
  if (status === 200 && Array.isArray(body.uploads)) return { url, status, by: 'the api', detail: '' }
  const { message } = body
  return typeof message === 'string'
    ? { url, status, by: 'API Gateway', detail: message }
    : { url, status, by: 'something else', detail: text.slice(0, 200) }
}

/** JSON that is an object; undefined for anything else. */
export function parseJsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}
