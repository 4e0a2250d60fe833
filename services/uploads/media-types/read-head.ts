/** The chunks that have been read from the start of a body. */
export interface BodyHead {
  chunks: Uint8Array[]
  /** True if the body ended with these chunks. */
  done: boolean
}

/** Reads a body until at least `bytes` bytes have arrived or the body has ended. */
export async function readHead(source: AsyncIterator<Uint8Array>, bytes: number): Promise<BodyHead> {
  const chunks: Uint8Array[] = []
  for (let size = 0; size < bytes; ) {
    const { value, done } = await source.next()
    if (done) return { chunks, done: true }
    chunks.push(value)
    size += value.byteLength
  }
  return { chunks, done: false }
}

/** Returns the first `bytes` bytes of the chunks, or all of them if there are fewer. */
export function headOf(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const [first] = chunks
  return chunks.length === 1 && first ? first.subarray(0, bytes) : Buffer.concat(chunks).subarray(0, bytes)
}
