import type { AttributeValue } from '@aws-sdk/client-dynamodb'

/** How a worker processed an upload. Only operators see it. Times are epoch milliseconds. */
export interface Trail {
  /** The worker, or on Lambda the log stream of the instance. */
  workerId: string
  shardId: string
  /** Decimal digits. */
  sequenceNumber: string
  /** Which attempt of the record by this worker it was. */
  attempt: number
  /** When Kinesis received the event. */
  arrivedAt?: number | undefined
  /** When the worker started the attempt. */
  startedAt: number
  /** When the object was open, there was memory for it, and the transform began. */
  openedAt?: number | undefined
  /** When all outputs were stored. */
  writtenAt?: number | undefined
  /** Why the attempt failed, if the worker retries it. */
  error?: string | undefined
}

/** The longest id that the consumer accepts. */
const MAX_WORKER_ID = 255
/** An upload that keeps failing may take two units for each write. It is the exception. */
const MAX_ERROR = 500

/**
 * Returns a trail as the attribute of a record. A record up to 1 KiB costs one unit for each write, and most have room for only some
 * 150 bytes more. So the names have one letter, the sequence number is in base64, and the times are differences from the first one. No
 * attribute is binary, because its form in a request by the SDK differs from that in a direct request.
 */
export function encodeTrail(trail: Trail): AttributeValue {
  const { workerId, shardId, sequenceNumber, attempt, arrivedAt, startedAt, openedAt, writtenAt, error } = trail
  const later = (at: number | undefined): AttributeValue =>
    at === undefined ? { NULL: true } : { N: String(Math.round(at - startedAt)) }
  return {
    M: {
      w: { S: workerId.slice(0, MAX_WORKER_ID).toWellFormed() },
      s: { S: shardId },
      ...(/^\d+$/.test(sequenceNumber) ? { q: { S: packed(BigInt(sequenceNumber)) } } : { r: { S: sequenceNumber } }),
      n: { N: String(attempt) },
      t: { L: [{ N: String(Math.round(startedAt)) }, later(arrivedAt), later(openedAt), later(writtenAt)] },
      ...(error === undefined ? {} : { e: { S: error.slice(0, MAX_ERROR).toWellFormed() } }),
    },
  }
}

/** Returns the parts of an UpdateItem that set the trail of a record, or remove that of an earlier worker. */
export function trailChange(trail: Trail | undefined) {
  return trail
    ? { set: ', trail = :trail', remove: '', values: { ':trail': encodeTrail(trail) } }
    : { set: '', remove: ', trail', values: {} }
}

/** Returns the trail of an unmarshalled attribute. Undefined if it is missing, or in the format of another version. */
export function decodeTrail(attribute: unknown): Trail | undefined {
  const { w: workerId, s: shardId, q, r, n: attempt, t, e } = (attribute ?? {}) as Record<string, unknown>
  if (typeof workerId !== 'string' || typeof shardId !== 'string' || typeof attempt !== 'number') return undefined
  const sequenceNumber = typeof q === 'string' ? String(BigInt(`0x${Buffer.from(q, 'base64url').toString('hex')}`)) : r
  if (typeof sequenceNumber !== 'string' || !Array.isArray(t)) return undefined
  const [startedAt, ...later] = t as unknown[]
  if (typeof startedAt !== 'number') return undefined
  const [arrivedAt, openedAt, writtenAt] = later.map(ms => (typeof ms === 'number' ? startedAt + ms : undefined))
  const error = typeof e === 'string' ? { error: e } : {}
  return { workerId, shardId, sequenceNumber, attempt, arrivedAt, startedAt, openedAt, writtenAt, ...error }
}

function packed(number: bigint): string {
  const hex = number.toString(16)
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url')
}
