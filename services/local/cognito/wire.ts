import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { CognitoError } from './errors.ts'

export const CONTENT_TYPE = 'application/x-amz-json-1.1'

const MAX_BODY_BYTES = 64 * 1024
/** A body that is slightly too large is read to its end, so that the client can read the error response. */
const MAX_DRAINED_BYTES = 1024 ** 2

/**
 * Reads a request of Cognito's protocol: JSON 1.1 over POST.
 *
 * @throws CognitoError SerializationException, RequestEntityTooLargeException
 */
export async function readInput(request: IncomingMessage): Promise<object> {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  // Required: a page in a browser can send plain text to any address without a preflight, but not this type.
  if (type !== CONTENT_TYPE)
    throw new CognitoError('SerializationException', `The content type must be ${CONTENT_TYPE}.`)
  return parse(await readBody(request))
}

/** Sends a JSON response. */
export function answer(
  response: ServerResponse,
  status: number,
  body: object,
  contentType = 'application/json',
  headers: Record<string, string> = {},
): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(text),
    'x-amzn-requestid': randomUUID(),
    ...headers,
  })
  response.end(text)
}

/** Sends an error response in the form that the AWS SDKs read. */
export function answerError(response: ServerResponse, { code, message }: CognitoError): void {
  const close: Record<string, string> = code === 'RequestEntityTooLargeException' ? { connection: 'close' } : {}
  const body = { __type: code, message }
  answer(response, STATUS[code] ?? 400, body, CONTENT_TYPE, { 'x-amzn-errortype': code, ...close })
}

const STATUS: Partial<Record<CognitoError['code'], number>> = {
  InternalErrorException: 500,
  RequestEntityTooLargeException: 413,
}

/** @throws CognitoError RequestEntityTooLargeException */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk)
    else chunks.length = 0
    if (bytes > MAX_DRAINED_BYTES) break
  }
  if (bytes <= MAX_BODY_BYTES) return Buffer.concat(chunks)
  throw new CognitoError('RequestEntityTooLargeException', `The body is larger than ${MAX_BODY_BYTES} bytes.`)
}

function parse(body: Buffer): object {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return withoutNulls(value)
  } catch (cause) {
    throw new CognitoError('SerializationException', 'The body is not JSON.', { cause })
  }
  throw new CognitoError('SerializationException', 'The body is not a JSON object.')
}

/** In this protocol, a null member means an absent member. */
function withoutNulls(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null))
}
