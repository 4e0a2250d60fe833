import { UnreadableFileError } from './errors.ts'
import type { Bytes } from './file.ts'
import { isNode } from './runtime.ts'
import { createHash } from './sha256.ts'

/** A SHA-256 that takes its input piece by piece. */
export interface Hash {
  update(bytes: Uint8Array): void
  /** Ends the input, and returns the digest in lower-case hex. */
  hex(): string
}

/**
 * Computes the SHA-256 of a file in lower-case hex. The `crypto.subtle` of browsers would need the whole file in memory.
 *
 * @throws UnreadableFileError, and the reason of the signal
 */
export async function sha256Of(blob: Bytes, signal?: AbortSignal | undefined): Promise<string> {
  try {
    return await (blob.sha256?.(signal) ?? sha256OfStream(blob.stream(), signal))
  } catch (cause) {
    signal?.throwIfAborted()
    throw new UnreadableFileError("The file can't be read, or has changed.", { cause })
  }
}

async function sha256OfStream(stream: ReadableStream<Uint8Array>, signal: AbortSignal | undefined): Promise<string> {
  const hash: Hash = isNode ? (await import('./node-files.ts')).createNodeHash() : createHash()
  const reader = stream.getReader()
  for (;;) {
    signal?.throwIfAborted()
    const { done, value } = await reader.read()
    if (done) return hash.hex()
    hash.update(value)
  }
}

/** Returns the header `Content-Digest` (RFC 9530) for a digest in hex. */
export function contentDigest(hex: string): string {
  const bytes = hex.match(/../g)?.map(pair => String.fromCharCode(Number.parseInt(pair, 16))) ?? []
  return `sha-256=:${btoa(bytes.join(''))}:`
}
