/** A body that ends within so many bytes is held whole. */
export const SMALL_BYTES = 128 * 1024

/** What was read of a body. */
export interface Beginning {
  chunks: Uint8Array[]
  /** Whether it is all of it. */
  isWhole: boolean
}

/** Reads until the body has ended or is no longer small. */
export async function readSmall(chunks: AsyncIterator<Uint8Array>): Promise<Beginning> {
  const read: Uint8Array[] = []
  for (let bytes = 0; bytes <= SMALL_BYTES; ) {
    const { done, value } = await chunks.next()
    if (done) return { chunks: read, isWhole: true }
    read.push(value)
    bytes += value.byteLength
  }
  return { chunks: read, isWhole: false }
}

/** A body from its beginning. */
export async function* resume(read: Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* read
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value
}
