import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync } from 'node:fs'
import path from 'node:path'

/** Uploads, users, tokens and keys lie in what is written here: nobody but the person who started it may read them. */
const PRIVATE_UMASK = 0o077
const PRIVATE_FOLDER = 0o700

/** Keeps every file that this process, and whatever it starts, writes from now on to the person who started it. */
export function keepFilesPrivate(): void {
  process.umask(PRIVATE_UMASK)
}

/** Creates a folder for its owner alone, with the folders above it. Returns the topmost that was not there before. */
export function makePrivateFolder(folder: string): string | undefined {
  const created = mkdirSync(folder, { recursive: true, mode: PRIVATE_FOLDER })
  // It may be there from before, open to others. What is above it is the person's own.
  chmodSync(folder, PRIVATE_FOLDER)
  return created
}

/** Closes files of a folder that were left open to others, where they are there. Links are left as they are. */
export function restrictFiles(folder: string, names: readonly string[]): void {
  for (const name of names) {
    const file = path.join(folder, name)
    if (existsSync(file) && lstatSync(file).isFile()) chmodSync(file, 0o600)
  }
}

/** Closes every file directly in a folder of ours. */
export function restrictAllFiles(folder: string): void {
  restrictFiles(folder, readdirSync(folder))
}
