import { TransformError } from '../../../errors.ts'

/** Reads an input whole, as far as the bound. @throws TransformError past it */
export async function readWhole(input: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of input) {
    size += chunk.byteLength
    if (size > maxBytes) throw tooLarge(maxBytes)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

export function tooLarge(maxBytes: number): TransformError {
  return new TransformError(`The image has more than ${maxBytes} bytes, which is all that is taken of one.`)
}
