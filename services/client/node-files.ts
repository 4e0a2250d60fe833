import { createHash } from 'node:crypto'
import { createWriteStream, openAsBlob } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import type { Hash } from './digest.ts'
import type { OpenFile } from './file.ts'

/** Opens a file by its path. The Blob fails to be read if the file changes. */
export async function openPath(file: string | URL, type: string): Promise<OpenFile> {
  const name = typeof file === 'string' ? file : fileURLToPath(file)
  return { blob: await openAsBlob(name, { type }), name: path.basename(name), close: async () => undefined }
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
    return { blob: await openAsBlob(file, { type }), name: undefined, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Computes SHA-256 in native code. */
export function createNodeHash(): Hash {
  const hash = createHash('sha256')
  return { update: bytes => void hash.update(bytes), hex: () => hash.digest('hex') }
}
