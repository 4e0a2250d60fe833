import type { S3Client } from '@aws-sdk/client-s3'
import { settle } from '../deadline.ts'
import type { NewObject } from './new-object.ts'
import type { PartBuffers, PartRoom } from './part-buffers.ts'
import { createBeginParts, type PartsUpload } from './parts-upload.ts'
import { createPutWhole } from './put-whole.ts'
import { readSmall, resume } from './small-body.ts'

/**
 * Writes an object as its bytes come, whole or not at all: when the body fails half way its error is thrown, once no part of
 * it is left. The body is never held whole: two parts are on their way while a third fills. One that ends before it fills a
 * part is put at once. Where memory for parts is shared and too long in coming, it throws a NoPartBufferError. The signal breaks off the requests that carry bytes; the body is to heed it by itself.
 */
export type PutStream = (object: NewObject, body: AsyncIterable<Uint8Array>, signal?: AbortSignal) => Promise<void>

export interface PutStreamSettings {
  s3: S3Client
  bucket: string
  buffers: PartBuffers
  /** Told of the parts of an object that could not be taken back. A rule of the bucket has to. */
  onLeftover(error: unknown, key: string): void
}

/** Parts of one object that are on their way at a time. */
const PARTS_AT_ONCE = 2

export function createPutStream({ s3, bucket, buffers, onLeftover }: PutStreamSettings): PutStream {
  const putWhole = createPutWhole(s3, bucket)
  const beginParts = createBeginParts(s3, bucket)

  return async (object, body, signal) => {
    const chunks = body[Symbol.asyncIterator]()
    try {
      const small = await readSmall(chunks)
      if (small.isWhole) await putWhole({ ...object, body: Buffer.concat(small.chunks) }, signal)
      else await putParts(object, resume(small.chunks, chunks), signal)
    } finally {
      await chunks.return?.()
    }
  }

  async function putParts(
    object: NewObject,
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { whose, pace, maxBytes = Number.POSITIVE_INFINITY } = object
    const onTheirWay = new Set<Promise<void>>()
    let upload: PartsUpload | undefined
    let failure: { error: unknown } | undefined
    let room: PartRoom | undefined
    let sentBytes = 0
    let parts = 0

    /** No room is larger than what can still come. A client that sends more than it said is told elsewhere. */
    const takeRoom = () => {
      const left = maxBytes - sentBytes
      return buffers.take({ whose, pace, goesOn: parts > 0, ...(left > 0 && { bytes: Math.min(buffers.bytes, left) }) })
    }

    /** Sends the part that was filled, once fewer than the most are on their way. */
    async function sendPart(): Promise<void> {
      upload ??= await beginParts(object)
      while (onTheirWay.size >= PARTS_AT_ONCE) await Promise.race(onTheirWay)
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
          part.give()
          onTheirWay.delete(sent)
        })
      onTheirWay.add(sent)
    }

    try {
      for await (const chunk of body) {
        for (let offset = 0; offset < chunk.byteLength; ) {
          if (failure) throw failure.error
          room ??= await takeRoom()
          offset = room.add(chunk, offset)
          // A part that may be the last waits for the end: the only part of a body is put as a whole object.
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
      await Promise.all(onTheirWay)
      if (failure) throw failure.error
      await upload?.complete()
    } catch (error) {
      // At once: taking back what S3 has may take long, and others may wait for this memory.
      room?.give()
      room = undefined
      await Promise.all(onTheirWay)
      const begun = upload
      if (begun) await settle(() => begun.abort()).catch((leftover: unknown) => onLeftover(leftover, object.key))
      throw error
    } finally {
      room?.give()
    }
  }
}
