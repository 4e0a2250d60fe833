import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { EmbeddedAwsError } from './errors.ts'
import { type Ports, readPorts, rememberPorts } from './remembered-ports.ts'

/** A data directory that no other process uses. */
export interface DataDir {
  /** Returns the folder of one server in the directory, and creates it if it does not exist. */
  folder(name: string): string
  /** The ports of the servers when the directory was last used. Empty for a new directory. */
  readonly ports: Partial<Ports>
  remember(ports: Ports): void
  release(): void
}

const PRIVATE_FOLDER = 0o700

/**
 * Locks a data directory, and creates it if it does not exist. Two embedded AWSs in one directory would destroy each
 * other's data. The lock is a lock of the operating system on a SQLite file, so a process that is killed leaves no lock
 * behind.
 *
 * @throws EmbeddedAwsError if another process uses the directory, or its contents are invalid
 */
export function openDataDir(dir: string): DataDir {
  const root = path.resolve(dir)
  try {
    mkdirSync(root, { recursive: true, mode: PRIVATE_FOLDER })
    const lockFile = path.join(root, 'lock.db')
    // An earlier version may have left the data directory open to others. A folder without the lock file is not
    // changed, because it may hold other files.
    if (existsSync(lockFile)) chmodSync(root, PRIVATE_FOLDER)
    const ports = readPorts(root)
    const lock = new DatabaseSync(lockFile)
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    return {
      folder: name => {
        const folder = path.join(root, name)
        mkdirSync(folder, { recursive: true, mode: PRIVATE_FOLDER })
        return folder
      },
      ports,
      remember: ports => rememberPorts(root, ports),
      release: () => lock.close(),
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const hint = reason.includes('locked') ? 'another embedded AWS uses it' : reason
    throw new EmbeddedAwsError(`The data directory ${root} cannot be used: ${hint}.`, { cause })
  }
}
