/** A body that ends within so many bytes is put at once, by the way that is made for that. */
const SMALL_BYTES = 128 * 1024

/** Reads until the body has ended or is no longer small. */
export async function readSmall(
  chunks: AsyncIterator<Uint8Array>,
): Promise<{ chunks: Uint8Array[]; isWhole: boolean }> {
  const read: Uint8Array[] = []
  for (let bytes = 0; bytes <= SMALL_BYTES; ) {
    const { done, value } = await chunks.next()
    if (done) return { chunks: read, isWhole: true }
    read.push(value)
    bytes += value.byteLength
  }
  return { chunks: read, isWhole: false }
}

/** The rest of a body, what was read of it first. */
export async function* resume(read: Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* read
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value
}
