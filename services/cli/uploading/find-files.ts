import { glob, lstat, readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { describeError } from '../describe-error.ts'
import { UsageError } from '../errors.ts'

/** A file to upload. */
export interface LocalFile {
  path: string
  /** Bytes. */
  size: number
}

/** What operands name. */
export interface FoundFiles {
  files: LocalFile[]
  /** Entries of directories and patterns that can't be uploaded, each with the reason. */
  unreadable: Array<{ path: string; reason: string }>
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
): Promise<FoundFiles> {
  const files = new Map<string, LocalFile>()
  const unreadable: FoundFiles['unreadable'] = []
  const add = ({ found, skipped }: Found) => {
    for (const file of found) files.set(path.resolve(file.path), file)
    unreadable.push(...skipped)
  }
  for (const operand of operands) {
    const named = await stat(operand).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw new UsageError(`'${operand}' can't be read: ${reasonOf(error)}`, { cause: error })
    })
    if (named?.isFile()) add({ found: [{ path: operand, size: named.size }], skipped: [] })
    else if (named?.isDirectory()) {
      if (!recursive) throw new UsageError(`'${operand}' is a directory. To upload the files in it, add --recursive.`)
      add(await filesIn(operand))
    } else if (named) throw new UsageError(`'${operand}' is not a file. To upload from a pipe, use - as the file.`)
    else {
      const matches = /[*?[{]/.test(operand) ? await Array.fromAsync(glob(operand)) : []
      if (matches.length === 0) throw new UsageError(`There is no file '${operand}'.`)
      for (const match of matches.sort()) add(await look(match, recursive))
    }
  }
  return { files: [...files.values()], unreadable }
}

interface Found {
  found: LocalFile[]
  skipped: FoundFiles['unreadable']
}

/** Looks at an entry of a directory or a match of a pattern. What can't be uploaded does not stop the other files. */
async function look(name: string, recursive: boolean): Promise<Found> {
  const skip = (reason: string): Found => ({ found: [], skipped: [{ path: name, reason }] })
  try {
    const target = await stat(name)
    if (target.isFile()) return { found: [{ path: name, size: target.size }], skipped: [] }
    if (!target.isDirectory()) return skip('it is not a file.')
    if (!recursive) return skip('it is a directory. To upload the files in it, add --recursive.')
    // A link to a directory may lead in a circle.
    return (await lstat(name)).isSymbolicLink() ? { found: [], skipped: [] } : await filesIn(name)
  } catch (error) {
    // Node replaces the bytes of a name that are not UTF-8, and then finds no such file.
    if (name.includes('\u{FFFD}')) return skip('its name is not UTF-8. Rename it.')
    return skip(reasonOf(error as NodeJS.ErrnoException))
  }
}

async function filesIn(folder: string): Promise<Found> {
  const all: Found = { found: [], skipped: [] }
  for (const entry of (await readdir(folder)).sort()) {
    const { found, skipped } = await look(path.join(folder, entry), true)
    all.found.push(...found)
    all.skipped.push(...skipped)
  }
  return all
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return 'it is a link to nothing.'
  if (error.code === 'ELOOP') return 'it is a link to itself.'
  return describeError(error).message
}
