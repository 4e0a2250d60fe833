import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { type FileHandle, mkdtemp, open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import type { Hash } from './digest.ts'
import { UnreadableFileError } from './errors.ts'
import type { Bytes, OpenFile } from './file.ts'

const READ_BYTES = 256 * 1024
/** A hash reads larger pieces, because it reuses its buffer. */
const HASH_READ_BYTES = 1024 * 1024

/** Opens a file by its path. Reading fails if the file changes. */
export async function openPath(file: string | URL, type: string): Promise<OpenFile> {
  const name = typeof file === 'string' ? file : fileURLToPath(file)
  return { blob: await bytesOf(name, type), name: path.basename(name), close: async () => undefined }
}

/** Writes a stream into a temporary file, which is removed when it is closed. */
export async function openStream(
  stream: AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>,
  type: string,
  signal: AbortSignal | undefined,
): Promise<OpenFile> {
  const folder = await mkdtemp(path.join(tmpdir(), 'headgate-'))
  const close = () => rm(folder, { recursive: true, force: true })
  try {
    const file = path.join(folder, 'upload')
    await pipeline(Readable.from(stream as AsyncIterable<Uint8Array>), createWriteStream(file, { mode: 0o600 }), {
      ...(signal && { signal }),
    })
    return { blob: await bytesOf(file, type), name: undefined, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Computes the SHA-256 of a file in lower-case hex. Fails if the file changes meanwhile. */
export async function sha256OfFile(file: string, signal?: AbortSignal | undefined): Promise<string> {
  return await (await bytesOf(file, '')).sha256(signal)
}

async function bytesOf(file: string, type: string): Promise<FileBytes> {
  const { size, mtimeMs } = await stat(file)
  return new FileBytes({ file, size, mtimeMs }, 0, size, type)
}

/** A range of a file on disk, of any size. */
class FileBytes implements Bytes {
  readonly size: number
  readonly type: string
  readonly #opened: { file: string; size: number; mtimeMs: number }
  readonly #start: number

  /** @param opened the file as it was when it was opened */
  constructor(opened: { file: string; size: number; mtimeMs: number }, start: number, size: number, type: string) {
    this.size = size
    this.type = type
    this.#opened = opened
    this.#start = start
  }

  /** Returns a part of the range, by the rules of `Blob.slice`. */
  slice(start = 0, end = this.size, type = ''): Bytes {
    const [from, to] = [start, end].map(at => (at < 0 ? Math.max(this.size + at, 0) : Math.min(at, this.size)))
    return new FileBytes(this.#opened, this.#start + (from ?? 0), Math.max((to ?? 0) - (from ?? 0), 0), type)
  }

  stream(): ReadableStream<Uint8Array> {
    // The receiver keeps each piece until it is sent, so each has a buffer of its own.
    const pieces = this.#read(left => Buffer.allocUnsafe(Math.min(READ_BYTES, left)))
    return Readable.toWeb(Readable.from(pieces)) as ReadableStream<Uint8Array>
  }

  async sha256(signal?: AbortSignal | undefined): Promise<string> {
    const hash = createHash('sha256')
    // One buffer serves all reads: the garbage collector runs for each few megabytes of new buffers, which costs more than the hash.
    const shared = Buffer.allocUnsafe(Math.min(HASH_READ_BYTES, this.size))
    for await (const piece of this.#read(() => shared)) {
      signal?.throwIfAborted()
      hash.update(piece)
    }
    return hash.digest('hex')
  }

  async *#read(bufferFor: (left: number) => Buffer): AsyncGenerator<Uint8Array> {
    const { file } = this.#opened
    const handle = await open(file)
    try {
      const end = this.#start + this.size
      for (let position = this.#start; position < end; ) {
        const buffer = bufferFor(end - position)
        const length = Math.min(buffer.length, end - position)
        const { bytesRead } = await handle.read({ buffer, length, position })
        position += bytesRead
        // A request ends with the last piece. So a file that changed while it was read is never sent to its end.
        const isLast = bytesRead === 0 || position === end
        if (isLast && (bytesRead === 0 || (await this.#hasChanged(handle))))
          throw new UnreadableFileError(`${file} changed while it was read.`)
        yield buffer.subarray(0, bytesRead)
      }
    } finally {
      await handle.close()
    }
  }

  async #hasChanged(handle: FileHandle): Promise<boolean> {
    const now = await handle.stat()
    return now.size !== this.#opened.size || now.mtimeMs !== this.#opened.mtimeMs
  }
}

/** Computes SHA-256 in native code. */
export function createNodeHash(): Hash {
  const hash = createHash('sha256')
  return { update: bytes => void hash.update(bytes), hex: () => hash.digest('hex') }
}
