import type { KinesisClient } from '@aws-sdk/client-kinesis'
import { StreamReplyError } from '../errors.ts'
import type { StreamReader } from '../stream.ts'
import { CBOR, contentTypeOf, type HttpReply, toServiceError, UNNAMED } from './cbor/error-reply.ts'
import { decodeRecordsReply } from './cbor/records-reply.ts'
import { encodeRecordsRequest } from './cbor/writer.ts'
import { correctClock } from './clock-skew.ts'
import { withDeadline } from './deadline.ts'
import { createSignedCall, type SignedReply } from './signed-call.ts'

export interface CborRecordsSettings {
  kinesis: Pick<KinesisClient, 'config'>
  /** How long one call may take, in milliseconds. */
  requestTimeoutMs: number
}

/** The endpoint does not speak CBOR, or speaks it in a way that cannot be read. The SDK's way is left. */
export class CborRefusedError extends StreamReplyError {}

/**
 * GetRecords over Kinesis's CBOR wire format, the one of the Java SDK: data comes as it is instead of in base64 in JSON, for
 * a fraction of the work. Errors have the names that the SDK gives them. Only a wrong clock is healed here, once.
 *
 * @throws CborRefusedError
 */
export function createCborRecords({ kinesis, requestTimeoutMs }: CborRecordsSettings): StreamReader['getRecords'] {
  const call = createSignedCall(kinesis)

  async function send(body: Buffer, signal: AbortSignal): Promise<SignedReply> {
    try {
      return await call(body, signal)
    } catch (error) {
      // The other side may close a connection that lies idle just when it is used again.
      if (signal.aborted || !isClosedConnection(error)) throw error
      return await call(body, signal)
    }
  }

  async function ask(body: Buffer, signal: AbortSignal): Promise<SignedReply> {
    const reply = await send(body, signal)
    if (reply.status === 200) return reply
    const error = toServiceError(reply)
    if (await correctClock(kinesis, { name: error.name, date: reply.headers.date })) return await send(body, signal)
    return reply
  }

  return async (shardId, iterator, limit, signal) => {
    const body = encodeRecordsRequest(iterator, limit)
    const answer = await withDeadline(requestTimeoutMs, signal, limited => ask(body, limited))
    if (answer.status !== 200) throw toError(answer)
    const type = contentTypeOf(answer)
    if (type !== CBOR) throw new CborRefusedError(`Kinesis was asked in CBOR and answered in '${type}'.`)
    try {
      const decoded = decodeRecordsReply(answer.body, shardId)
      if (!decoded.sharesBytes) answer.free()
      return decoded.reply
    } catch (error) {
      if (!(error instanceof StreamReplyError)) throw error
      throw new CborRefusedError(`Kinesis answered in a CBOR that cannot be read: ${error.message}`, { cause: error })
    }
  }
}

const CLOSED = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])

function isClosedConnection(error: unknown): boolean {
  return error instanceof Error && 'code' in error && CLOSED.has(String(error.code))
}

/** What an endpoint says that does not know the format, or finds nothing it knows in the body. */
const REFUSALS = new Set(['SerializationException', 'UnknownOperationException', 'UnsupportedMediaTypeException'])
/** The same, from one that has no name for it. */
const REFUSING_STATUSES = new Set([400, 404, 406, 415])

function toError(reply: HttpReply): Error {
  const error = toServiceError(reply)
  const refused = error.name === UNNAMED ? REFUSING_STATUSES.has(reply.status) : REFUSALS.has(error.name)
  return refused ? new CborRefusedError(`Kinesis refuses CBOR: ${error.message}`, { cause: error }) : error
}
