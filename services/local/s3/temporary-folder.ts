import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'

const PREFIX = 'headgate-s3-'
/** A folder that is younger may belong to a process that has not locked it yet, in milliseconds. */
const MIN_AGE_MS = 60_000

/**
 * Creates a folder for the data of one process, and deletes those of processes that were killed.
 *
 * @param lockFile a SQLite file in each folder that its process keeps locked
 */
export function createTemporaryFolder(lockFile: string, parent = os.tmpdir()): string {
  for (const name of readdirSync(parent)) {
    const folder = path.join(parent, name)
    if (name.startsWith(PREFIX) && isAbandoned(folder, lockFile)) deleteFolder(folder)
  }
  return mkdtempSync(path.join(parent, PREFIX))
}

export function deleteFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
}

/** Returns false also if this is unknown, for example because another user owns the folder. */
function isAbandoned(folder: string, lockFile: string): boolean {
  try {
    if (Date.now() - statSync(folder).mtimeMs < MIN_AGE_MS) return false
    const lock = new DatabaseSync(path.join(folder, lockFile))
    try {
      lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
      return true
    } finally {
      lock.close()
    }
  } catch {
    return false
  }
}
