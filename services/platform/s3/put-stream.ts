import type { S3Client } from '@aws-sdk/client-s3'
import { cleanUp } from '../deadline.ts'
import { createBeginMultipartUpload, type MultipartUpload } from './multipart-upload.ts'
import type { NewObject } from './new-object.ts'
import type { PartBuffers, PartRoom } from './part-buffers.ts'
import { createPutWhole } from './put-whole.ts'

/**
 * Writes an object while its bytes arrive. Either the whole object is written or nothing: if the body fails, its parts are deleted
 * and the error of the body is thrown. The body is never held in memory whole: two parts are in flight while a third fills. A body
 * of up to 128 KiB, or of a single part, is put by one request.
 *
 * The signal aborts the requests that carry bytes. The body has to end by the signal itself.
 *
 * @throws NoPartBufferError if no memory for a part becomes free in time
 */
export type PutStream = (object: NewObject, body: AsyncIterable<Uint8Array>, signal?: AbortSignal) => Promise<void>

export interface PutStreamSettings {
  s3: S3Client
  bucket: string
  buffers: PartBuffers
  /** Called if the parts of an object could not be deleted. The bucket's lifecycle rule deletes them later. */
  onLeftover(error: unknown, key: string): void
}

/** Maximum number of parts of one object in flight. */
const MAX_PARTS_IN_FLIGHT = 2

/** A body of at most this size is put by one request, and takes no memory from the pool. */
const SMALL_BYTES = 128 * 1024

export function createPutStream({ s3, bucket, buffers, onLeftover }: PutStreamSettings): PutStream {
  const putWhole = createPutWhole(s3, bucket)
  const beginMultipartUpload = createBeginMultipartUpload(s3, bucket)

  return async (object, body, signal) => {
    const chunks = body[Symbol.asyncIterator]()
    try {
      const start = await readStart(chunks)
      if (start.isWhole) await putWhole({ ...object, body: Buffer.concat(start.chunks) }, signal)
      else await putParts(object, concat(start.chunks, chunks), signal)
    } finally {
      await chunks.return?.()
    }
  }

  async function putParts(
    object: NewObject,
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { owner, pace, maxBytes = Number.POSITIVE_INFINITY } = object
    const inFlight = new Set<Promise<void>>()
    let upload: MultipartUpload | undefined
    let failure: { error: unknown } | undefined
    let room: PartRoom | undefined
    let sentBytes = 0
    let parts = 0

    /** Takes room for no more than the bytes that can still arrive. A body that is too long is rejected elsewhere. */
    const takeRoom = () => {
      const left = maxBytes - sentBytes
      const bytes = left > 0 ? Math.min(buffers.bytes, left) : undefined
      return buffers.take({ bytes, owner, pace, isContinuing: parts > 0 })
    }

    /** Sends the part that was filled, once fewer than the maximum are in flight. */
    async function sendPart(): Promise<void> {
      upload ??= await beginMultipartUpload(object)
      while (inFlight.size >= MAX_PARTS_IN_FLIGHT) await Promise.race(inFlight)
      if (failure) throw failure.error
      if (!room) return
      const [part, bytes, number] = [room, room.filled(), ++parts]
      room = undefined
      sentBytes += bytes.length
      const sent = upload
        .put(number, bytes, signal)
        .catch((error: unknown) => {
          failure ??= { error }
        })
        .finally(() => {
          part.release()
          inFlight.delete(sent)
        })
      inFlight.add(sent)
    }

    try {
      for await (const chunk of body) {
        for (let offset = 0; offset < chunk.byteLength; ) {
          if (failure) throw failure.error
          room ??= await takeRoom()
          offset = room.add(chunk, offset)
          // The part that may be the last waits for the end of the body: a body of one part is put as a whole object.
          const isLast = offset === chunk.byteLength && sentBytes + room.filled().length === maxBytes
          if (room.isFull) {
            if (!isLast) await sendPart()
          } else if (offset < chunk.byteLength) await room.grow()
        }
      }
      if (!upload && room) {
        await putWhole({ ...object, body: room.filled() }, signal)
        return
      }
      if (room) await sendPart()
      await Promise.all(inFlight)
      if (failure) throw failure.error
      await upload?.complete()
    } catch (error) {
      // The memory is released first: deleting the parts may take long, and other uploads may wait for memory.
      room?.release()
      room = undefined
      await Promise.all(inFlight)
      const begun = upload
      if (begun) await cleanUp(() => begun.abort()).catch((leftover: unknown) => onLeftover(leftover, object.key))
      throw error
    } finally {
      room?.release()
    }
  }
}

/** Reads until the body ends or is no longer small. */
async function readStart(body: AsyncIterator<Uint8Array>): Promise<{ chunks: Uint8Array[]; isWhole: boolean }> {
  const chunks: Uint8Array[] = []
  for (let bytes = 0; bytes <= SMALL_BYTES; ) {
    const { done, value } = await body.next()
    if (done) return { chunks, isWhole: true }
    chunks.push(value)
    bytes += value.byteLength
  }
  return { chunks, isWhole: false }
}

/** Yields the chunks that were already read, and then the rest of the body. */
async function* concat(read: readonly Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* read
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value
}
