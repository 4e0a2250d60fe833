import { outputsOf } from '../../../services/worker/transforms/outputs.ts'
import type { Transform, TransformUpload } from '../../../services/worker/transforms/transform.ts'

export interface MadeOutput {
  name: string
  contentType: string
  filename?: string | undefined
  bytes: Buffer
}

async function* chunks(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts
}

/** Applies a transform and returns its outputs with their bytes. Reads each output before it requests the next. */
export async function make(
  transform: Transform,
  parts: readonly Uint8Array[],
  upload: Partial<TransformUpload> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<MadeOutput[]> {
  const size = parts.reduce((sum, part) => sum + part.byteLength, 0)
  const described = {
    contentType: 'text/plain',
    mediaType: 'text/plain',
    filename: 'file',
    key: 'uploads/file',
    size,
    ...upload,
  }
  const made: MadeOutput[] = []
  for await (const { name, contentType, filename, body } of outputsOf(transform, chunks(parts), {
    upload: described,
    signal,
  })) {
    const read: Uint8Array[] = []
    for await (const chunk of body) read.push(chunk)
    made.push({ name, contentType, filename, bytes: Buffer.concat(read) })
  }
  return made
}

/** Splits bytes into random chunks of at most `max` bytes. */
export function cut(bytes: Uint8Array, random: () => number, max: number): Uint8Array[] {
  const parts: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const size = Math.floor(random() * (max + 1))
    parts.push(bytes.subarray(at, at + size))
    at += size
  }
  return parts
}

/** Splits bytes into chunks of exactly `size` bytes. */
export function cutEvery(bytes: Uint8Array, size: number): Uint8Array[] {
  const parts: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += size) parts.push(bytes.subarray(at, at + size))
  return parts
}
