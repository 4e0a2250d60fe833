import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { EmbeddedAwsError } from './errors.ts'

/** Stores one JSON document in one file. */
export interface DocumentFile {
  /** Resolves once every change from before the call is on disk. */
  save(): Promise<void>
  /** Waits for the last `save`, and retries it once if it failed. */
  flush(): Promise<void>
}

/**
 * Creates a file that is rewritten at every `save`, one write at a time, to a temporary file that is then renamed.
 * After kill -9, the file holds the old or the new document. Saves that are requested during a write share the next
 * write.
 *
 * The file is readable only by its owner, because it may hold private keys.
 */
export function createDocumentFile(file: string, toDocument: () => unknown): DocumentFile {
  let last: Promise<void> = Promise.resolve()
  let next: Promise<void> | undefined

  async function write(): Promise<void> {
    next = undefined
    await replaceFile(file, JSON.stringify(toDocument()))
  }

  function save(): Promise<void> {
    if (next === undefined) {
      // Also after a failed write: its error went to its callers, and this write saves everything.
      next = last.then(write, write)
      last = next
    }
    return next
  }

  return {
    save,
    async flush() {
      await last.catch(() => save())
    },
  }
}

/**
 * Resolves to the document of a file, or to undefined if there is no file.
 *
 * @throws EmbeddedAwsError if the file is not JSON
 */
export async function readDocument(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    // Without a cause, because the parser's message quotes the file, which may hold private keys.
    if (error instanceof SyntaxError) throw new EmbeddedAwsError('It is not JSON.')
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

async function replaceFile(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const temporary = `${file}.tmp`
  const handle = await open(temporary, 'w', 0o600)
  try {
    await handle.writeFile(text)
    // Before the rename. Otherwise, a power failure could leave the new name on an empty file.
    await handle.datasync()
  } finally {
    await handle.close()
  }
  await rename(temporary, file)
}
