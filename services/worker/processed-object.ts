import { Readable } from 'node:stream'
import { CompleteMultipartUploadCommand, PutObjectCommand, type S3Client, UploadPartCommand } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { type NewObject, objectParams } from '../platform/s3/new-object.ts'
import { createPutWhole } from '../platform/s3/put-whole.ts'
import { readSmall, resume } from '../platform/s3/small-body.ts'
import { OutputTooLargeError } from './errors.ts'
import { untilAborted } from './until-aborted.ts'

const PART_BYTES = 8 * 1024 ** 2
const PARTS_AT_ONCE = 2

/** Limit of S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const MAX_PARTS = 10_000

/**
 * How much larger than its input a large output may be without running out of parts. Upper-casing triples at worst. One that
 * grows more has the 78 GiB that parts of the usual size give.
 */
const GROWTH = 3

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

export function createWriteProcessedObject(s3: S3Client, bucket: string): WriteProcessedObject {
  const putWhole = createPutWhole(s3, bucket)

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
    const chunks = counted()
    const small = await readSmall(chunks)
    if (small.isWhole) {
      await putWhole({ ...object, body: Buffer.concat(small.chunks) }, signal)
      return size
    }
    const Body = Readable.from(resume(small.chunks, chunks), { objectMode: false })
    try {
      await new Upload({
        client: abortable(s3, signal),
        params: { ...objectParams(bucket, object), Body },
        partSize,
        queueSize: PARTS_AT_ONCE,
      }).done()
      return size
    } finally {
      Body.destroy()
      // Not waited for: it queues behind a body that hangs.
      chunks.return(undefined).catch(() => undefined)
    }
  }
}

/** The size of a part for an input of so many bytes: the usual one, unless that would need more parts than S3 takes. */
export function partBytes(inputBytes: number): number {
  return Math.max(PART_BYTES, Math.ceil((inputBytes * GROWTH) / MAX_PARTS))
}

/**
 * How many bytes are held at most while the processed object of an input of so many bytes is written in parts. 0 for an input
 * that is smaller than a part: no more than its own output is held of it.
 */
export function bytesHeld(inputBytes: number): number {
  return inputBytes < PART_BYTES ? 0 : (PARTS_AT_ONCE + 1) * partBytes(inputBytes)
}

/**
 * The client, for an `Upload` that is to end on a signal. `Upload` has an abort of its own, but that one rejects first and
 * tidies up later, if at all. Here the signal ends the body and the requests that carry bytes; `Upload` takes it for the
 * failure it is, and tidies up before it rejects. The requests that begin and end a multipart upload must not be cut: one
 * whose answer is lost would stay open.
 */
function abortable(s3: S3Client, signal: AbortSignal): S3Client {
  const send = (command: Parameters<S3Client['send']>[0]) =>
    carriesBytes(command) ? s3.send(command, { abortSignal: signal }) : s3.send(command)
  return new Proxy(s3, { get: (target, name) => (name === 'send' ? send : Reflect.get(target, name)) })
}

function carriesBytes(command: unknown): boolean {
  return [PutObjectCommand, UploadPartCommand, CompleteMultipartUploadCommand].some(kind => command instanceof kind)
}
