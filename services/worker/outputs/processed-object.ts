import type { NewObject } from '../../platform/s3/new-object.ts'
import { createPartBuffers, PART_BYTES } from '../../platform/s3/part-buffers.ts'
import { createPutStream, type PutStreamSettings } from '../../platform/s3/put-stream.ts'
import { OutputTooLargeError } from '../errors.ts'
import { untilAborted } from './until-aborted.ts'

/** Parts of one output in memory: two are being sent while the third fills. */
const PARTS_HELD = 3

/** Limit of S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const MAX_PARTS = 10_000

/**
 * How many times the size of its input a large output may have before it runs out of parts. Upper-casing can triple a text. Outputs that
 * grow more are limited to the 78 GiB that parts of the usual size hold.
 */
const GROWTH = 3

export type WriterSettings = Omit<PutStreamSettings, 'buffers'>

export interface WriteSettings {
  body: AsyncIterable<Uint8Array>
  /** Size of the upload, in bytes. */
  inputBytes: number
  signal: AbortSignal
}

/**
 * Writes an object as its bytes arrive, with at most three parts in memory. Resolves to the number of bytes. The object is written as a
 * whole or not at all: on any error or abort, the multipart upload is aborted before this rejects.
 *
 * @throws OutputTooLargeError for a body that needs more parts than S3 accepts
 */
export type WriteProcessedObject = (object: NewObject, settings: WriteSettings) => Promise<number>

export function createWriteProcessedObject(settings: WriterSettings): WriteProcessedObject {
  // Admission limits how many buffers are in use.
  const usual = createPartBuffers(Number.POSITIVE_INFINITY)
  const putUsual = createPutStream({ ...settings, buffers: usual })

  return async (object, { body, inputBytes, signal }) => {
    const partSize = partBytes(inputBytes)
    const maxBytes = partSize * MAX_PARTS
    let size = 0
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const chunk of untilAborted(body, signal)) {
        size += chunk.byteLength
        // Checked here, because S3's own error about too many parts would be retried.
        if (size > maxBytes) {
          throw new OutputTooLargeError(`The output has more than ${maxBytes} bytes, the maximum that its parts hold.`)
        }
        yield chunk
      }
    }
    const isUsual = partSize === usual.bytes
    const buffers = createPartBuffers(Number.POSITIVE_INFINITY, { partBytes: partSize })
    const put = isUsual ? putUsual : createPutStream({ ...settings, buffers })
    await put(object, counted(), signal)
    return size
  }
}

/** Returns the size of a part for an input. Larger than usual only if usual parts would be more than S3 accepts. */
export function partBytes(inputBytes: number): number {
  return Math.max(PART_BYTES, Math.ceil((inputBytes * GROWTH) / MAX_PARTS))
}

/** Smaller inputs are admitted at once, because all of them together hold little memory. */
const FREE_BYTES = 256 * 1024

/**
 * Returns the maximum number of bytes held while the output of an input is written. 0 for a small input. The output of an input that is
 * smaller than a part is held whole, and may be larger than the input.
 */
export function bytesHeld(inputBytes: number): number {
  if (inputBytes < FREE_BYTES) return 0
  return Math.min(inputBytes * GROWTH, PARTS_HELD * partBytes(inputBytes))
}
