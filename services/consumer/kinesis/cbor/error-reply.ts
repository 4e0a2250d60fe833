import { KinesisServiceException } from '@aws-sdk/client-kinesis'
import { StreamReplyError } from '../../errors.ts'
import { names } from './name.ts'
import { CborReader } from './reader.ts'

/** An HTTP reply that has been read completely. Header names are in lower case. */
export interface HttpReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export const CBOR = 'application/x-amz-cbor-1.1'

/** The name of an error without a name. The SDK uses the same. */
export const UNNAMED = 'Unknown'

export function contentTypeOf({ headers }: HttpReply): string {
  return (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

/**
 * Converts an error reply into the error that the SDK would throw, with the same name and class, so that callers need
 * not know which transport was used.
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
    // For example the error page of a proxy. Its status code is all there is.
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

/** Shortens `com.amazonaws.kinesis#ExpiredIteratorException:http://…` to `ExpiredIteratorException`. */
function shortName(type: string): string {
  return type.split(/[:,]/, 1)[0]?.split('#').at(-1) ?? type
}
