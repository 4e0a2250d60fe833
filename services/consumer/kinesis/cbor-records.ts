import type { KinesisClient } from '@aws-sdk/client-kinesis'
import { StreamReplyError } from '../errors.ts'
import type { StreamReader } from '../stream.ts'
import { CBOR, contentTypeOf, type HttpReply, toServiceError, UNNAMED } from './cbor/error-reply.ts'
import { decodeRecordsReply } from './cbor/records-reply.ts'
import { encodeRecordsRequest } from './cbor/writer.ts'
import { correctClock } from './clock-skew.ts'
import { withDeadline } from './deadline.ts'
import { type CallOptions, createSignedCall, type SignedReply } from './signed-call.ts'

export interface CborRecordsSettings {
  kinesis: Pick<KinesisClient, 'config'>
  /** Sent with every request; undefined if the stream is given by its name. */
  streamArn?: string | undefined
  /** Timeout of one call, in milliseconds. */
  requestTimeoutMs: number
}

/** The endpoint does not support CBOR, or its CBOR is invalid. The caller then uses the SDK. */
export class CborRefusedError extends StreamReplyError {}

/**
 * Creates GetRecords over the CBOR wire format of Kinesis, which the Java SDK also uses: data is sent as bytes instead
 * of base64 in JSON, which takes a fraction of the time. Errors have the names that the SDK gives them. The only
 * retries are one after a wrong clock and one after a closed connection.
 *
 * @throws CborRefusedError if the endpoint does not support CBOR
 */
export function createCborRecords(settings: CborRecordsSettings): StreamReader['getRecords'] {
  const { kinesis, streamArn, requestTimeoutMs } = settings
  const call = createSignedCall(kinesis, streamArn)

  async function send(body: Buffer, options: CallOptions): Promise<SignedReply> {
    try {
      return await call(body, options)
    } catch (error) {
      // The endpoint may close an idle connection just when it is used again.
      if (options.signal.aborted || !isClosedConnection(error)) throw error
      return await call(body, options)
    }
  }

  async function ask(body: Buffer, options: CallOptions): Promise<SignedReply> {
    const reply = await send(body, options)
    if (reply.status === 200) return reply
    const error = toServiceError(reply)
    if (await correctClock(kinesis, { name: error.name, date: reply.headers.date })) return await send(body, options)
    return reply
  }

  return async (shardId, iterator, limit, { signal, receive } = {}) => {
    const body = encodeRecordsRequest(iterator, limit, streamArn)
    const answer = await withDeadline(requestTimeoutMs, signal, limited => ask(body, { signal: limited, receive }))
    if (answer.status !== 200) throw toError(answer)
    const type = contentTypeOf(answer)
    if (type !== CBOR) throw new CborRefusedError(`Kinesis answered a CBOR request with the content type '${type}'.`)
    try {
      const decoded = decodeRecordsReply(answer.body, shardId)
      if (!decoded.sharesBytes) answer.free()
      return decoded.reply
    } catch (error) {
      if (!(error instanceof StreamReplyError)) throw error
      throw new CborRefusedError(`Kinesis answered with invalid CBOR: ${error.message}`, { cause: error })
    }
  }
}

const CLOSED = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])

function isClosedConnection(error: unknown): boolean {
  return error instanceof Error && 'code' in error && CLOSED.has(String(error.code))
}

/** Errors of an endpoint that does not know the format, or finds no known field in the body. */
const REFUSALS = new Set(['SerializationException', 'UnknownOperationException', 'UnsupportedMediaTypeException'])
/** The same as status codes, from an endpoint without error names. */
const REFUSING_STATUSES = new Set([400, 404, 406, 415])

function toError(reply: HttpReply): Error {
  const error = toServiceError(reply)
  const refused = error.name === UNNAMED ? REFUSING_STATUSES.has(reply.status) : REFUSALS.has(error.name)
  return refused ? new CborRefusedError(`Kinesis rejected a CBOR request: ${error.message}`, { cause: error }) : error
}
