import { UnreadableFileError } from './errors.ts'
import { isNode } from './runtime.ts'
import type { FileInput } from './types.ts'

/**
 * The bytes of a file, which can be read more than once. A Blob is such a file. In Node, the Blob of a file on disk is wrong above
 * 2 GiB, so files on disk have a type of their own there. https://github.com/nodejs/node/issues/52585
 */
export interface Bytes {
  readonly size: number
  /** The media type, or empty if it is unknown. */
  readonly type: string
  slice(start?: number, end?: number, type?: string): Bytes
  stream(): ReadableStream<Uint8Array>
  /** Computes the SHA-256 in lower-case hex, where that is faster than by `stream`. */
  sha256?(signal?: AbortSignal): Promise<string>
}

/** A file that is ready to be read. */
export interface OpenFile {
  blob: Bytes
  /** Undefined if the input has no name. */
  name: string | undefined
  /** Removes what was written to the disk. */
  close(): Promise<void>
}

const close = async () => undefined

/**
 * Opens a file of any kind.
 *
 * @throws UnreadableFileError, TypeError, and the reason of the signal
 */
export async function openFile(
  input: FileInput,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<OpenFile> {
  if (input instanceof Blob) {
    return { blob: input, name: 'name' in input && typeof input.name === 'string' ? input.name : undefined, close }
  }
  if (input instanceof Uint8Array || input instanceof ArrayBuffer) {
    return { blob: new Blob([input as Uint8Array<ArrayBuffer>]), name: undefined, close }
  }
  try {
    if (typeof input === 'string' || input instanceof URL) {
      if (!isNode) throw new TypeError('Only Node can open a file by its path. Pass a File or a Blob.')
      return await (await import('./node-files.ts')).openPath(input, '')
    }
    if (isNode) return await (await import('./node-files.ts')).openStream(input, '', signal)
    return { blob: await blobOf(input, signal), name: undefined, close }
  } catch (cause) {
    signal?.throwIfAborted()
    if (cause instanceof TypeError) throw cause
    throw new UnreadableFileError(`The file can't be read: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    })
  }
}

/** Reads a stream to its end. Browsers keep a large Blob on the disk. */
async function blobOf(
  stream: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<Blob> {
  if (stream instanceof ReadableStream) {
    const sink = new TransformStream<Uint8Array, Uint8Array>()
    const [blob] = await Promise.all([
      new Response(sink.readable).blob(),
      stream.pipeTo(sink.writable, { ...(signal && { signal }) }),
    ])
    return blob
  }
  const chunks: Uint8Array<ArrayBuffer>[] = []
  for await (const chunk of stream) {
    signal?.throwIfAborted()
    chunks.push(chunk as Uint8Array<ArrayBuffer>)
  }
  return new Blob(chunks)
}
