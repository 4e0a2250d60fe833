import type { S3Client } from '@aws-sdk/client-s3'
import { settle } from '../deadline.ts'
import type { NewObject } from './new-object.ts'
import type { PartBuffers } from './part-buffers.ts'
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
    const { bytes: partBytes } = buffers
    const { whose } = object
    const onTheirWay = new Set<Promise<void>>()
    let upload: PartsUpload | undefined
    let failure: { error: unknown } | undefined
    let buffer: Buffer | undefined
    let filled = 0
    let parts = 0

    /** Sends the buffer that was filled, once fewer than the most are on their way. */
    async function sendPart(): Promise<void> {
      upload ??= await beginParts(object)
      while (onTheirWay.size >= PARTS_AT_ONCE) await Promise.race(onTheirWay)
      if (failure) throw failure.error
      if (!buffer) return
      const [part, bytes, number] = [buffer, buffer.subarray(0, filled), ++parts]
      buffer = undefined
      filled = 0
      const sent = upload
        .put(number, bytes, signal)
        .catch((error: unknown) => {
          failure ??= { error }
        })
        .finally(() => {
          buffers.give(part, whose)
          onTheirWay.delete(sent)
        })
      onTheirWay.add(sent)
    }

    try {
      for await (const chunk of body) {
        for (let offset = 0; offset < chunk.byteLength; ) {
          if (failure) throw failure.error
          buffer ??= await buffers.take({ whose, goesOn: parts > 0 })
          const copied = Math.min(chunk.byteLength - offset, partBytes - filled)
          buffer.set(
            offset === 0 && copied === chunk.byteLength ? chunk : chunk.subarray(offset, offset + copied),
            filled,
          )
          filled += copied
          offset += copied
          if (filled === partBytes) await sendPart()
        }
      }
      if (!upload && buffer) {
        await putWhole({ ...object, body: buffer.subarray(0, filled) }, signal)
        return
      }
      if (filled > 0) await sendPart()
      await Promise.all(onTheirWay)
      if (failure) throw failure.error
      await upload?.complete()
    } catch (error) {
      await Promise.all(onTheirWay)
      const begun = upload
      if (begun) await settle(() => begun.abort()).catch((leftover: unknown) => onLeftover(leftover, object.key))
      throw error
    } finally {
      if (buffer) buffers.give(buffer, whose)
    }
  }
}
