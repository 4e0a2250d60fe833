import { TransformError } from '../errors.ts'

/** The bytes that the outputs of any upload may have, however small the upload is: the report of a tiny file is larger than it. */
const ALWAYS_ALLOWED = 1024 ** 2

/**
 * Counts the bytes of all outputs of an upload.
 *
 * @param inputBytes the size of the upload
 * @param maxExpansion how many times that size the outputs may have together. `undefined`: any number
 * @returns a function that passes the body of an output through, and throws a TransformError where the outputs are too large
 */
export function createExpansionLimit(
  inputBytes: number,
  maxExpansion: number | undefined,
): (body: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array> {
  if (maxExpansion === undefined) return body => body
  const maxBytes = Math.max(ALWAYS_ALLOWED, inputBytes * maxExpansion)
  let outputBytes = 0
  return async function* limited(body) {
    for await (const chunk of body) {
      outputBytes += chunk.byteLength
      if (outputBytes > maxBytes) {
        throw new TransformError(
          `The outputs have more than ${maxBytes} bytes, which is too much for an upload of ${inputBytes} bytes: the option maxExpansion of its rule is ${maxExpansion}.`,
        )
      }
      yield chunk
    }
  }
}
