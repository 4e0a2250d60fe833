import type { NewObject } from '../../platform/s3/new-object.ts'
import { createPartBuffers, PART_BYTES } from '../../platform/s3/part-buffers.ts'
import { createPutStream, type PutStreamSettings } from '../../platform/s3/put-stream.ts'
import { OutputTooLargeError } from '../errors.ts'
import { untilAborted } from './until-aborted.ts'

/** Of one output: two on their way while a third fills. */
const PARTS_HELD = 3

/** Limit of S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const MAX_PARTS = 10_000

/**
 * How much larger than its input a large output may be without running out of parts. Upper-casing triples at worst. One that
 * grows more has the 78 GiB that parts of the usual size give.
 */
const GROWTH = 3

export type WriterSettings = Omit<PutStreamSettings, 'buffers'>

export interface WriteSettings {
  body: AsyncIterable<Uint8Array>
  /** Bytes of the input that the body is made from. */
  inputBytes: number
  signal: AbortSignal
}

/**
 * Writes an object as its bytes come, holding at most three parts of them, and resolves to how many there were. It is there
 * whole or not at all: whatever goes wrong, the signal included, the multipart upload is aborted before this rejects.
 *
 * @throws OutputTooLargeError for a body that needs more parts than S3 takes
 */
export type WriteProcessedObject = (object: NewObject, settings: WriteSettings) => Promise<number>

export function createWriteProcessedObject(settings: WriterSettings): WriteProcessedObject {
  // How many are taken at a time is bounded by who is admitted.
  const usual = createPartBuffers(Number.POSITIVE_INFINITY)
  const putUsual = createPutStream({ ...settings, buffers: usual })

  return async (object, { body, inputBytes, signal }) => {
    const partSize = partBytes(inputBytes)
    const most = partSize * MAX_PARTS
    let size = 0
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const chunk of untilAborted(body, signal)) {
        size += chunk.byteLength
        // Here, where it is told for good: a part too many would be an error like any other, and be tried again.
        if (size > most) {
          throw new OutputTooLargeError(`The output has more than ${most} bytes, which is all its parts hold.`)
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

/** The size of a part for an input of so many bytes: the usual one, unless that would need more parts than S3 takes. */
export function partBytes(inputBytes: number): number {
  return Math.max(PART_BYTES, Math.ceil((inputBytes * GROWTH) / MAX_PARTS))
}

/** Inputs that are smaller pass freely: all places of a worker together hold little of them. */
const FREE_BYTES = 256 * 1024

/**
 * How many bytes are held at most while the processed object of an input of so many bytes is written. 0 for a small input. An input
 * smaller than a part is written whole, so its output is held, which may be larger than the input.
 */
export function bytesHeld(inputBytes: number): number {
  if (inputBytes < FREE_BYTES) return 0
  return Math.min(inputBytes * GROWTH, PARTS_HELD * partBytes(inputBytes))
}
