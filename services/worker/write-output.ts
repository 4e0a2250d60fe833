import type { S3Client } from '@aws-sdk/client-s3'
import type { NewObject } from '../platform/s3/new-object.ts'
import { createPutWhole } from '../platform/s3/put-whole.ts'
import { readSmall, resume } from '../platform/s3/small-body.ts'
import { writeProcessedObject } from './processed-object.ts'
import { untilAborted } from './until-aborted.ts'

export interface Output {
  object: NewObject
  body: AsyncIterable<Uint8Array>
  /** Bytes of the input that the body is made from. */
  inputBytes: number
  signal: AbortSignal
}

/**
 * Writes an output, whole or not at all, and resolves to its size in bytes: whatever goes wrong, the signal included, nothing is
 * left once this rejects.
 *
 * @throws OutputTooLargeError for a body that needs more parts than S3 takes
 */
export type WriteOutput = (output: Output) => Promise<number>

/** Most outputs are small. They are written by the api's own way, at a fraction of what the other costs the process. */
export function createWriteOutput(s3: S3Client, bucket: string): WriteOutput {
  const putWhole = createPutWhole(s3, bucket)
  return async ({ object, body, inputBytes, signal }) => {
    const chunks = untilAborted(body, signal)
    try {
      const beginning = await readSmall(chunks)
      if (beginning.isWhole) {
        const whole = Buffer.concat(beginning.chunks)
        await putWhole({ ...object, body: whole }, signal)
        return whole.byteLength
      }
      const { key: Key, contentType: ContentType, contentEncoding: ContentEncoding, metadata: Metadata } = object
      return await writeProcessedObject(s3, {
        ...{ Bucket: bucket, Key, ContentType, Metadata },
        ...(ContentEncoding !== undefined && { ContentEncoding }),
        body: resume(beginning.chunks, chunks),
        inputBytes,
        signal,
      })
    } finally {
      // Not waited for: where what is written to fails, it would queue behind a body that hangs.
      chunks.return(undefined).catch(() => undefined)
    }
  }
}
