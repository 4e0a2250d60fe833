import { type FSWatcher, statSync, watch } from 'node:fs'
import path from 'node:path'

/** Watches files that an editor writes, or replaces by renaming another file. */
export interface FileWatch {
  /** Watches these files from now on, whether they exist or not. */
  follow(files: Iterable<string>): void
  close(): void
}

export interface FileWatchSettings {
  /** Called with the files that were saved, once they have not changed for `settleMs`. */
  onSave(files: readonly string[]): void
  /** Called with a sentence if a folder cannot be watched. */
  onNotice(notice: string): void
  /** Editors write a file in several steps. @default 50 */
  settleMs?: number
}

export function watchFiles({ onSave, onNotice, settleMs = 50 }: FileWatchSettings): FileWatch {
  const folders = new Map<string, FSWatcher>()
  /** The followed files, with what `stateOf` returned last. */
  let states = new Map<string, string>()
  let settling: NodeJS.Timeout | undefined

  function onEvent(): void {
    clearTimeout(settling)
    settling = setTimeout(compare, settleMs)
  }

  function compare(): void {
    const saved = [...states.keys()].filter(file => stateOf(file) !== states.get(file))
    for (const file of saved) states.set(file, stateOf(file))
    if (saved.length > 0) onSave(saved)
  }

  function open(folder: string): void {
    try {
      const watcher = watch(folder, onEvent)
      watcher.on('error', error => onNotice(`Changes in ${folder} are not noticed any more: ${error.message}.`))
      folders.set(folder, watcher)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      onNotice(`Changes in ${folder} are not noticed: ${reason}.`)
    }
  }

  return {
    follow(files) {
      const wanted = new Set(files)
      states = new Map([...wanted].map(file => [file, states.get(file) ?? stateOf(file)]))
      // The folders and not the files: a file that is replaced by another one is no longer watched.
      const needed = new Set([...wanted].map(file => path.dirname(file)))
      for (const [folder, watcher] of folders) {
        if (needed.has(folder)) continue
        watcher.close()
        folders.delete(folder)
      }
      for (const folder of needed) if (!folders.has(folder)) open(folder)
    },
    close() {
      clearTimeout(settling)
      for (const watcher of folders.values()) watcher.close()
      folders.clear()
    },
  }
}

/** Returns a text that changes with every save of a file. */
function stateOf(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false, bigint: true })
  return found ? `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}` : 'missing'
}
