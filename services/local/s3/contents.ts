import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { open, unlink } from 'node:fs/promises'
import path from 'node:path'

/** A range of bytes of a file. The bytes of an object are one or several of these. */
export interface Segment {
  file: string
  /** The offset of the first byte in the file. */
  start: number
  /** Bytes. */
  length: number
}

const READ_BYTES = 256 * 1024

/**
 * The bytes of objects and parts, as files in one folder. A file never changes after it is written, so several objects can
 * share it. Which files belong to which object is in the index: a file that the index does not name is garbage.
 */
export class Contents {
  readonly #folder: string
  readonly #isUsed: (file: string) => boolean
  /** The number of readers of each file. A file is deleted only after its last reader has ended. */
  readonly #readers = new Map<string, number>()
  readonly #deleted = new Set<string>()

  /** @param isUsed returns whether the index names a file. The garbage of a process that was killed is deleted */
  constructor(folder: string, isUsed: (file: string) => boolean) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    this.#folder = folder
    this.#isUsed = isUsed
    for (const file of readdirSync(folder)) if (!isUsed(file)) rmSync(this.#path(file))
  }

  /** Writes a file, chunk by chunk. If the source fails, no file remains. */
  async write(source: AsyncIterable<Buffer>): Promise<Segment> {
    const file = randomUUID()
    try {
      const handle = await open(this.#path(file), 'wx', 0o600)
      let length = 0
      try {
        for await (const chunk of source) {
          await handle.writeFile(chunk)
          length += chunk.length
        }
      } finally {
        await handle.close()
      }
      return { file, start: 0, length }
    } catch (error) {
      await this.#unlink(file)
      throw error
    }
  }

  /** Keeps the files of an object until `use` has ended, even if the object is deleted or replaced in the meantime. */
  async hold<T>(segments: readonly Segment[], use: () => Promise<T>): Promise<T> {
    for (const { file } of segments) this.#readers.set(file, (this.#readers.get(file) ?? 0) + 1)
    try {
      return await use()
    } finally {
      for (const { file } of segments) await this.#endReader(file)
    }
  }

  /**
   * Reads a range of an object.
   *
   * @param end the offset after the last byte
   */
  async *read(segments: readonly Segment[], begin: number, end: number): AsyncGenerator<Buffer> {
    for (const { file, start, length } of cut(segments, begin, end)) yield* this.#readFile(file, start, start + length)
  }

  /** Deletes files that the index no longer names. */
  async delete(files: readonly string[]): Promise<void> {
    for (const file of files) {
      if (this.#readers.has(file)) this.#deleted.add(file)
      else await this.#unlink(file)
    }
  }

  async *#readFile(file: string, begin: number, end: number): AsyncGenerator<Buffer> {
    const handle = await open(this.#path(file))
    try {
      for (let position = begin; position < end; ) {
        const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, end - position))
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, position)
        if (bytesRead === 0) throw new Error(`The file ${file} is shorter than the index says.`)
        position += bytesRead
        yield buffer.subarray(0, bytesRead)
      }
    } finally {
      await handle.close()
    }
  }

  async #endReader(file: string): Promise<void> {
    const others = (this.#readers.get(file) ?? 1) - 1
    if (others > 0) {
      this.#readers.set(file, others)
      return
    }
    this.#readers.delete(file)
    // A copy that was made in the meantime can use the file.
    if (this.#deleted.delete(file) && !this.#isUsed(file)) await this.#unlink(file)
  }

  /** Deletes a file. Nothing is left to do if it does not exist. */
  async #unlink(file: string): Promise<void> {
    await unlink(this.#path(file)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    })
  }

  #path(file: string): string {
    return path.join(this.#folder, file)
  }
}

/**
 * Returns the segments of a range of an object.
 *
 * @param end the offset after the last byte
 */
export function cut(segments: readonly Segment[], begin: number, end: number): Segment[] {
  const parts: Segment[] = []
  let offset = 0
  for (const { file, start, length } of segments) {
    const [from, to] = [Math.max(begin - offset, 0), Math.min(end - offset, length)]
    if (from < to) parts.push({ file, start: start + from, length: to - from })
    offset += length
  }
  return parts
}
