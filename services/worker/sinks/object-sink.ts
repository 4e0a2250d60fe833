import type { S3Client } from '@aws-sdk/client-s3'
import { outputsPrefix, processedKey } from '../../uploads/keys.ts'
import { MAIN_OUTPUT } from '../../uploads/record.ts'
import { UnusableKeyError } from '../errors.ts'
import { toMetadata } from '../provenance.ts'
import { createWriteOutput } from '../write-output.ts'
import type { Sink } from './sink.ts'

/** S3's limit on a key, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1_024

/** Writes outputs as objects: the main one under the upload's own key, the others under that key and their names. */
export function createObjectSink(s3: S3Client, bucket: string): Sink {
  const write = createWriteOutput(s3, bucket)
  return async ({ name, contentType, contentEncoding, filename, body }, { provenance, inputBytes, signal }) => {
    const { key } = provenance.source
    const isMain = name === MAIN_OUTPUT
    const target = isMain ? processedKey(key) : outputsPrefix(key) + name
    if (Buffer.byteLength(target) > MAX_KEY_BYTES) {
      throw new UnusableKeyError(`The key is too long: the output "${name}" could have no key.`)
    }
    const metadata = toMetadata(provenance)
    const object = { key: target, contentType, metadata, ...(contentEncoding !== undefined && { contentEncoding }) }
    const size = await write({ object, body, inputBytes, signal })
    return {
      name,
      contentType,
      size,
      ...(filename !== undefined && { filename }),
      ...(!isMain && { s3: { bucket, key: target } }),
    }
  }
}
