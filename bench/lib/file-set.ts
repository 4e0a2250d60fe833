import { createHash, randomBytes } from 'node:crypto'
import { mkdir, open } from 'node:fs/promises'
import path from 'node:path'

/** Files of random bytes in one folder. Each file has its own content. */
export interface FileSet {
  folder: string
  paths: readonly string[]
  /** Bytes of each file. */
  size: number
  /** The SHA-256 of each file in lower-case hex, by its name. */
  digests: ReadonlyMap<string, string>
}

const BLOCK_BYTES = 1024 ** 2

/** Writes files into a new folder. */
export async function writeFileSet(folder: string, { files, size }: { files: number; size: number }): Promise<FileSet> {
  await mkdir(folder)
  const digests = new Map<string, string>()
  const paths: string[] = []
  for (let n = 0; n < files; n++) {
    const name = `${String(n).padStart(5, '0')}.bin`
    const file = path.join(folder, name)
    digests.set(name, await writeRandom(file, size))
    paths.push(file)
  }
  return { folder, paths, size, digests }
}

/** Resolves to the SHA-256 of the bytes that were written. */
async function writeRandom(file: string, size: number): Promise<string> {
  const hash = createHash('sha256')
  await using handle = await open(file, 'wx')
  for (let left = size; left > 0; left -= BLOCK_BYTES) {
    const block = randomBytes(Math.min(left, BLOCK_BYTES))
    hash.update(block)
    await handle.writeFile(block)
  }
  return hash.digest('hex')
}
