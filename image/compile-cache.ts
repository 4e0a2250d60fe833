import { existsSync, mkdtempSync, readdirSync, symlinkSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { cachedDataVersionTag } from 'node:v8'

/** The folder of the cache, beside the bundle. */
export const CACHE_FOLDER = '.compile-cache'

/**
 * Makes Node use the code that V8 compiled when the image was built. Node looks for it in a folder that is named after
 * Node's version and flags, the processor of the machine, and the user. Lambda runs as its own user, on any processor.
 * The bytecode is the same on all processors of an architecture, and V8 itself checks the version, flags and source of
 * each entry. So the folder gets the name that Node looks for, through a link where the folder itself cannot be
 * written.
 *
 * Without the cache everything works too, but starts later. So no error here ends the process.
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
    // See the comment of the function.
  }
}
