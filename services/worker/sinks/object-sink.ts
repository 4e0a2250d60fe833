import type { S3Client } from '@aws-sdk/client-s3'
import { outputsPrefix, processedKey } from '../../uploads/keys.ts'
import { MAIN_OUTPUT } from '../../uploads/record.ts'
import { UnusableKeyError } from '../errors.ts'
import { writeProcessedObject } from '../processed-object.ts'
import { toMetadata } from '../provenance.ts'
import type { Sink } from './sink.ts'

/** S3's limit on a key, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1_024

/** Writes outputs as objects: the main one under the upload's own key, the others under that key and their names. */
export function createObjectSink(s3: S3Client, bucket: string): Sink {
  return async ({ name, contentType, contentEncoding, filename, body }, { provenance, inputBytes, signal }) => {
    const { key } = provenance.source
    const isMain = name === MAIN_OUTPUT
    const Key = isMain ? processedKey(key) : outputsPrefix(key) + name
    if (Buffer.byteLength(Key) > MAX_KEY_BYTES) {
      throw new UnusableKeyError(`The key is too long: the output "${name}" could have no key.`)
    }
    const size = await writeProcessedObject(s3, {
      Bucket: bucket,
      Key,
      ContentType: contentType,
      ...(contentEncoding !== undefined && { ContentEncoding: contentEncoding }),
      Metadata: toMetadata(provenance),
      body,
      inputBytes,
      signal,
    })
    return {
      name,
      contentType,
      size,
      ...(filename !== undefined && { filename }),
      ...(!isMain && { s3: { bucket, key: Key } }),
    }
  }
}
