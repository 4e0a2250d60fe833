import { glob, readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { UsageError } from '../errors.ts'

/** A file to upload. */
export interface LocalFile {
  path: string
  /** Bytes. */
  size: number
}

/**
 * Returns the files that operands name: files, directories, and patterns that the shell did not expand, such as `'*.csv'` in quotation
 * marks. A file that several operands name is returned once. In a directory, links to files are followed, and links to directories are not.
 *
 * @throws UsageError for an operand that names nothing, and for a directory without `recursive`
 */
export async function findFiles(
  operands: readonly string[],
  { recursive }: { recursive: boolean },
): Promise<LocalFile[]> {
  const files = new Map<string, LocalFile>()
  const add = (file: LocalFile) => void files.set(path.resolve(file.path), file)
  for (const operand of operands) {
    for (const name of await expand(operand)) {
      const found = await stat(name)
      if (found.isFile()) add({ path: name, size: found.size })
      else if (!found.isDirectory())
        throw new UsageError(`'${name}' is not a file. To upload from a pipe, use - as the file.`)
      else if (recursive) for (const file of await filesIn(name)) add(file)
      else throw new UsageError(`'${name}' is a directory. To upload the files in it, add --recursive.`)
    }
  }
  return [...files.values()]
}

/** Returns the paths that an operand names: itself, or the matches of a pattern. */
async function expand(operand: string): Promise<string[]> {
  const exists = await stat(operand).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw new UsageError(`'${operand}' can't be read: ${error.message}`, { cause: error })
    },
  )
  if (exists) return [operand]
  const matches = /[*?[{]/.test(operand) ? await Array.fromAsync(glob(operand)) : []
  if (matches.length === 0) throw new UsageError(`There is no file '${operand}'.`)
  return matches.sort()
}

async function filesIn(folder: string): Promise<LocalFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const found = await Promise.all(
    entries.map(async (entry): Promise<LocalFile[]> => {
      const name = path.join(entry.parentPath, entry.name)
      if (!entry.isFile() && !entry.isSymbolicLink()) return []
      // A link may lead nowhere. A file may be removed in the meantime.
      const target = await stat(name).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT' && error.code !== 'ELOOP') throw error
        return undefined
      })
      return target?.isFile() ? [{ path: name, size: target.size }] : []
    }),
  )
  return found.flat().sort((a, b) => (a.path < b.path ? -1 : 1))
}
