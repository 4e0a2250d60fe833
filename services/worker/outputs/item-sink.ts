import type { ResultStore } from '../../uploads/objects/result-store.ts'
import { MAIN_OUTPUT } from '../../uploads/records/record.ts'
import { OutputTooLargeError } from '../errors.ts'
import { untilAborted } from '../processing/until-aborted.ts'
import type { Sink } from './sink.ts'

/** Writes outputs as items of DynamoDB, which have a bound: one that goes past it is refused, and no more of it is read. */
export function createItemSink(results: Pick<ResultStore, 'put'>, maxBytes: number): Sink {
  return async ({ name, contentType, contentEncoding, filename, body }, { provenance, signal }) => {
    const chunks: Uint8Array[] = []
    let size = 0
    for await (const chunk of untilAborted(body, signal)) {
      size += chunk.byteLength
      if (size > maxBytes) {
        const which = name === MAIN_OUTPUT ? 'The output' : `The output "${name}"`
        throw new OutputTooLargeError(`${which} has more than ${maxBytes} bytes, which is what its item may have.`)
      }
      chunks.push(chunk)
    }
    const { uploadId: madeOf, source, transform } = provenance
    const result = {
      name,
      contentType,
      contentEncoding,
      filename,
      body: Buffer.concat(chunks),
      madeOf,
      source,
      transform,
    }
    await results.put(result, signal)
    return { name, contentType, size, ...(filename !== undefined && { filename }), isItem: true }
  }
}
