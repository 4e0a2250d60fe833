import { existsSync, mkdtempSync, readdirSync, symlinkSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { cachedDataVersionTag } from 'node:v8'

/** The folder of it, beside the bundle. */
export const CACHE_FOLDER = '.compile-cache'

/**
 * Has Node take what V8 compiled when the image was built. Node looks in a folder named after its version, the flags and the
 * processor of the machine, and the user; Lambda runs as a user of its own on any processor. V8 itself checks version, flags
 * and source of each piece, and the bytecode is the same on all processors of an architecture: so the folder is given the
 * name that is looked for, by a link where it cannot be written.
 *
 * Without it everything runs as well, only starts later: whatever is in the way is no reason to fail.
 */
export function useCompileCache(folder = path.join(import.meta.dirname, CACHE_FOLDER)): void {
  try {
    const [compiled] = readdirSync(folder)
    const prefix = `${process.version}-${process.arch}-`
    if (!compiled?.startsWith(prefix)) return
    const wanted = `${prefix}${cachedDataVersionTag().toString(16).padStart(8, '0')}-${process.getuid?.() ?? ''}`
    if (existsSync(path.join(folder, wanted))) return void enableCompileCache(folder)
    const linked = mkdtempSync(path.join(tmpdir(), 'headgate-'))
    symlinkSync(path.join(folder, compiled), path.join(linked, wanted))
    enableCompileCache(linked)
  } catch {
    // As the comment above says.
  }
}
