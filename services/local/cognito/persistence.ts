import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CognitoStateError } from './errors.ts'

/** Keeps one JSON document in one file. */
export interface DocumentFile {
  /** Resolves once everything that had changed before the call is on the disk. */
  save(): Promise<void>
  /** Waits for the last `save`, and tries once more where it failed. */
  flush(): Promise<void>
}

/**
 * Writes a document whole at every `save`, one write at a time, to a temporary file that is then renamed: a process that is
 * killed leaves the old document or the new one. Saves that are asked for during a write share the next one.
 *
 * The file is for its owner's eyes alone: it holds private keys.
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
      // After a failed write too: its error went to those who waited for it, and this one writes everything again.
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

/** The document of a file, or undefined where there is no file. @throws CognitoStateError when it is not JSON */
export async function readDocument(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    // Without a cause: the parser's own message quotes the file, and the file holds private keys.
    if (error instanceof SyntaxError) throw new CognitoStateError('It is not JSON.')
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
    // Before the rename, or a power cut could leave the new name on an empty file.
    await handle.datasync()
  } finally {
    await handle.close()
  }
  await rename(temporary, file)
}
