/** The beginning of a body, and what has been read of it. */
export interface BodyHead {
  chunks: Uint8Array[]
  /** Whether the body has ended with them. */
  done: boolean
}

/** Reads a body until there are so many bytes, or no more. */
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

/** The first so many bytes of some chunks. */
export function headOf(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const [first] = chunks
  return chunks.length === 1 && first ? first.subarray(0, bytes) : Buffer.concat(chunks).subarray(0, bytes)
}
