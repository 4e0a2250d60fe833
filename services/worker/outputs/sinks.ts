import { outputsPrefix, processedKey } from '../../uploads/objects/keys.ts'
import type { ResultStore } from '../../uploads/objects/result-store.ts'
import { MAIN_OUTPUT } from '../../uploads/records/output-names.ts'
import type { Output } from '../../uploads/records/record.ts'
import { OutputTooLargeError, UnusableKeyError } from '../errors.ts'
import type { CheckedOutput } from '../transforms/outputs.ts'
import type { SinkName } from '../transforms/rules/schema.ts'
import { createWriteProcessedObject, type WriterSettings } from './processed-object.ts'
import { type Provenance, toMetadata } from './provenance.ts'
import { untilAborted } from './until-aborted.ts'

/** What an output is written with. */
export interface SinkContext {
  provenance: Provenance
  /** Size of the upload, in bytes. */
  inputBytes: number
  /** Maximum size of an output that is written as an item, in bytes. */
  maxItemBytes: number
  signal: AbortSignal
}

/**
 * Writes an output, as a whole or not at all. To write it again writes the same output to the same place. Resolves to what the record
 * says about the output.
 *
 * @throws OutputTooLargeError, errors of the output's body and of the store, and the signal's reason
 */
export type Sink = (output: CheckedOutput, context: SinkContext) => Promise<Output>

export interface SinkSettings {
  objects: WriterSettings
  results: Pick<ResultStore, 'put'>
}

/** Maximum length of an S3 key, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1_024

/** All sinks, by the name that a rule gives. */
export function createSinks({ objects, results }: SinkSettings): Readonly<Record<SinkName, Sink>> {
  return { s3: createObjectSink(objects), dynamodb: createItemSink(results) }
}

/** The main output is written under the upload's own key, every other output under that key and its name. */
function createObjectSink(settings: WriterSettings): Sink {
  const { bucket } = settings
  const write = createWriteProcessedObject(settings)

  return async ({ name, contentType, contentEncoding, filename, body }, { provenance, inputBytes, signal }) => {
    const source = provenance.source.key
    const isMain = name === MAIN_OUTPUT
    const key = isMain ? processedKey(source) : outputsPrefix(source) + name
    if (Buffer.byteLength(key) > MAX_KEY_BYTES) {
      throw new UnusableKeyError(
        `The key is too long: the key of the output "${name}" would exceed the ${MAX_KEY_BYTES} bytes of S3.`,
      )
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

/** Items of DynamoDB have a maximum size. A larger output is refused before more of it is read. */
function createItemSink(results: Pick<ResultStore, 'put'>): Sink {
  return async (
    { name, contentType, contentEncoding, filename, body },
    { provenance: { source, uploadId, transform }, maxItemBytes, signal },
  ) => {
    const chunks: Uint8Array[] = []
    let size = 0
    for await (const chunk of untilAborted(body, signal)) {
      size += chunk.byteLength
      if (size > maxItemBytes) {
        const which = name === MAIN_OUTPUT ? 'The output' : `The output "${name}"`
        throw new OutputTooLargeError(`${which} has more than ${maxItemBytes} bytes, the maximum size of an item.`)
      }
      chunks.push(chunk)
    }
    await results.put(
      {
        name,
        contentType,
        contentEncoding,
        filename,
        body: Buffer.concat(chunks),
        madeOf: uploadId,
        source,
        transform,
      },
      signal,
    )
    return { name, contentType, size, ...(filename !== undefined && { filename }), isItem: true }
  }
}
