import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { EmbeddedAwsError } from './errors.ts'
import { type Ports, readPorts, rememberPorts } from './remembered-ports.ts'

/** A directory that is this process's alone. */
export interface DataDir {
  /** The folder of one server in it. */
  folder(name: string): string
  /** The ports that its servers had when it was last used, where it was. */
  readonly ports: Partial<Ports>
  remember(ports: Ports): void
  release(): void
}

const PRIVATE_FOLDER = 0o700

/**
 * Takes a data directory, creating it where it is not there. Two embedded AWSs on one would destroy each other's data. The
 * lock is the operating system's, on a SQLite file, so that a process killed with -9 leaves none behind.
 *
 * @throws EmbeddedAwsError when another process has it, or when what is in it is not what it should be
 */
export function openDataDir(dir: string): DataDir {
  const root = path.resolve(dir)
  try {
    mkdirSync(root, { recursive: true, mode: PRIVATE_FOLDER })
    const lockFile = path.join(root, 'lock.db')
    // A data directory of an earlier version may be open to others. A folder that is not one yet belongs to somebody else too.
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
