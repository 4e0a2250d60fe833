import { KinesisServiceException } from '@aws-sdk/client-kinesis'
import { StreamReplyError } from '../../errors.ts'
import { names } from './name.ts'
import { CborReader } from './reader.ts'

/** What HTTP brought, read to its end. Names of headers are in lower case. */
export interface HttpReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export const CBOR = 'application/x-amz-cbor-1.1'

/** The name of an error that has none. As in the SDK. */
export const UNNAMED = 'Unknown'

export function contentTypeOf({ headers }: HttpReply): string {
  return (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

/**
 * The error of a reply that is none of success, by the name that the SDK gives it, and of its class: who reads it need not
 * know which way it came.
 */
export function toServiceError(reply: HttpReply): KinesisServiceException {
  const { status, headers } = reply
  const details = readError(reply)
  const name = shortName(details.type ?? headers['x-amzn-errortype'] ?? UNNAMED)
  const requestId = headers['x-amzn-requestid']
  return new KinesisServiceException({
    name,
    message: details.message ?? `Kinesis answered with the HTTP status ${status}.`,
    $fault: status < 500 ? 'client' : 'server',
    $metadata: { httpStatusCode: status, ...(requestId !== undefined && { requestId }) },
  })
}

interface ErrorDetails {
  type: string | undefined
  message: string | undefined
}

const NO_DETAILS: ErrorDetails = { type: undefined, message: undefined }

function readError(reply: HttpReply): ErrorDetails {
  try {
    return contentTypeOf(reply) === CBOR ? readCbor(reply.body) : readJson(reply.body)
  } catch (error) {
    // A page of a proxy, say. Its status tells what there is to tell.
    if (error instanceof StreamReplyError || error instanceof SyntaxError) return NO_DETAILS
    throw error
  }
}

const NAMES = names('__type', 'message', 'Message')

function readCbor(body: Buffer): ErrorDetails {
  const details = { ...NO_DETAILS }
  const reader = new CborReader(body)
  for (let left = reader.map(); reader.hasMore(left); left--) {
    const name = reader.key(NAMES)
    if (reader.takeNull()) continue
    if (name === 0) details.type = reader.text()
    else if (name > 0) details.message = reader.text()
    else reader.skip()
  }
  return details
}

function readJson(body: Buffer): ErrorDetails {
  const value: unknown = JSON.parse(body.toString())
  if (typeof value !== 'object' || value === null) return NO_DETAILS
  const fields = value as Record<string, unknown>
  const text = (field: unknown) => (typeof field === 'string' ? field : undefined)
  return { type: text(fields.__type), message: text(fields.message) ?? text(fields.Message) }
}

/** `com.amazonaws.kinesis#ExpiredIteratorException:http://…` is an `ExpiredIteratorException`. */
function shortName(type: string): string {
  return type.split(/[:,]/, 1)[0]?.split('#').at(-1) ?? type
}
