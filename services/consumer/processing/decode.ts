import { DecodeError } from '../errors.ts'
import type { BatchHandler, ConsumerRecord, RecordHandler } from '../record.ts'

/**
 * Returns the value of a record, from its data. Called once for each attempt of a handler, and not before, so only the
 * data of waiting records is in memory. If it throws or rejects, the record fails with a DecodeError.
 */
export type Decoder<T> = (data: Uint8Array, record: ConsumerRecord) => T | PromiseLike<T>

/** Returns a handler that decodes each record and passes it on with its value. */
export function decodingHandler<T>(handler: RecordHandler<T>, decode: Decoder<T>): RecordHandler {
  return (record, context) => {
    const value = decoded(record, decode)
    if (!isPromise(value)) return handler(withValue(record, value), context)
    return Promise.resolve(
      value.then(known => {
        // Decoding may have lasted beyond the lease or the timeout of this call.
        context.signal.throwIfAborted()
        return handler(withValue(record, known), context)
      }),
    )
  }
}

/**
 * Returns a batch handler that decodes the records and passes them on with their values. If one of them cannot be
 * decoded, the batch fails, so its halves are tried until the record is alone. The order of the records stays.
 */
export function decodingBatchHandler<T>(handler: BatchHandler<T>, decode: Decoder<T>): BatchHandler {
  return async (records, context) => {
    const values: Array<ConsumerRecord<T>> = []
    const decodeAt = async (record: ConsumerRecord, index: number) => {
      const value = decoded(record, decode)
      const keep = (known: T) => {
        values[index] = withValue(record, known)
      }
      await (isPromise(value) ? value.then(keep) : keep(value))
    }
    await Promise.all(records.map(decodeAt))
    context.signal.throwIfAborted()
    await handler(values, context)
  }
}

/** Decodes one record. @throws DecodeError, or rejects with it */
export function decoded<T>(record: ConsumerRecord, decode: Decoder<T>): T | PromiseLike<T> {
  const failed = (cause: unknown): never => {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const place = `${record.sequenceNumber} of ${record.shardId}`
    throw new DecodeError(`The record ${place} could not be decoded: ${reason}`, { cause })
  }
  try {
    const value = decode(record.data, record)
    return isPromise(value) ? value.then(undefined, failed) : value
  } catch (cause) {
    return failed(cause)
  }
}

function withValue<T>(record: ConsumerRecord, value: T): ConsumerRecord<T> {
  const fields: ConsumerRecord & { readonly value: T } = { ...record, value }
  return fields as ConsumerRecord<T> // T is not known here, so the compiler cannot see that it is not undefined.
}

function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
