import { outputsPrefix, processedKey } from '../../uploads/objects/keys.ts'
import { MAIN_OUTPUT } from '../../uploads/records/record.ts'
import { UnusableKeyError } from '../errors.ts'
import { createWriteProcessedObject, type WriterSettings } from './processed-object.ts'
import { toMetadata } from './provenance.ts'
import type { Sink } from './sink.ts'

/** S3's limit on a key, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1_024

/** Writes outputs as objects: the main one under the upload's own key, the others under that key and their names. */
export function createObjectSink(settings: WriterSettings): Sink {
  const { bucket } = settings
  const write = createWriteProcessedObject(settings)

  return async ({ name, contentType, contentEncoding, filename, body }, { provenance, inputBytes, signal }) => {
    const source = provenance.source.key
    const isMain = name === MAIN_OUTPUT
    const key = isMain ? processedKey(source) : outputsPrefix(source) + name
    if (Buffer.byteLength(key) > MAX_KEY_BYTES) {
      throw new UnusableKeyError(`The key is too long: the output "${name}" could have no key.`)
    }
    const encoding = contentEncoding === undefined ? {} : { contentEncoding }
    const object = { key, contentType, ...encoding, metadata: toMetadata(provenance) }
    const size = await write(object, { body, inputBytes, signal })
    return {
      name,
      contentType,
      size,
      ...(filename !== undefined && { filename }),
      ...(!isMain && { s3: { bucket, key } }),
    }
  }
}
