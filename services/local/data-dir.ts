import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { EmbeddedAwsError } from './errors.ts'

/** A directory that is this process's alone. */
export interface DataDir {
  /** The folder of one server in it. */
  folder(name: string): string
  release(): void
}

/**
 * Takes a data directory, creating it where it is not there. Two embedded AWSs on one would destroy each other's data. The
 * lock is the operating system's, on a SQLite file, so that a process killed with -9 leaves none behind.
 *
 * @throws EmbeddedAwsError when another process has it
 */
export function openDataDir(dir: string): DataDir {
  const root = path.resolve(dir)
  try {
    mkdirSync(root, { recursive: true })
    const lock = new DatabaseSync(path.join(root, 'lock.db'))
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    return {
      folder: name => {
        const folder = path.join(root, name)
        mkdirSync(folder, { recursive: true })
        return folder
      },
      release: () => lock.close(),
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const hint = reason.includes('locked') ? 'another embedded AWS uses it' : reason
    throw new EmbeddedAwsError(`The data directory ${root} cannot be used: ${hint}.`, { cause })
  }
}
