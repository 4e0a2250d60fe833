import { createWriteStream, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, type WriteStream } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { finished } from 'node:stream/promises'
import { EmbeddedAwsError } from '../errors.ts'

/** The logs of the child processes, one file for each. */
export interface LogFiles {
  readonly dir: string
  /** Returns the function that writes the lines of a child. The first line creates the file. */
  open(name: string): (line: string) => void
  /** Returns whether any line was written. */
  hasLines(): boolean
  /**
   * Resolves when every line is written or its file has failed. If there was no line, the folders that were created are
   * removed.
   */
  close(): Promise<void>
  /** Deletes the logs, unless they are in a data directory. Call it after `close`. */
  discard(): void
}

/**
 * Opens the log files.
 *
 * @param dataDir keeps the logs in its folder `logs`, across restarts. Without it, the logs are in a temporary folder.
 * @param onNotice called when a file cannot be written any more: a full disk must not end the pipeline
 * @throws EmbeddedAwsError
 */
export function openLogFiles(dataDir: string | undefined, onNotice: (notice: string) => void): LogFiles {
  const { dir, created } = makeDir(dataDir)
  const streams = new Map<string, WriteStream>()
  function streamOf(name: string): WriteStream {
    const known = streams.get(name)
    if (known) return known
    const stream = createWriteStream(path.join(dir, `${name.replaceAll(' ', '-')}.log`), { flags: 'a' })
    stream.once('error', error => onNotice(`The log of the ${name} cannot be written: ${error.message}.`))
    stream.on('error', () => undefined)
    streams.set(name, stream)
    return stream
  }
  return {
    dir,
    open: name => line => {
      const stream = streamOf(name)
      if (stream.writable) stream.write(`${line}\n`)
    },
    hasLines: () => streams.size > 0,
    async close() {
      for (const stream of streams.values()) stream.end()
      // Failures have been reported by onNotice.
      await Promise.allSettled([...streams.values()].map(stream => finished(stream)))
      if (streams.size === 0 && created !== undefined) removeEmpty(dir, created)
    },
    discard() {
      if (dataDir === undefined) rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** Returns the folder, and the topmost folder that was created for it. */
function makeDir(dataDir: string | undefined): { dir: string; created: string | undefined } {
  try {
    if (dataDir === undefined) {
      const dir = mkdtempSync(path.join(tmpdir(), 'headgate-'))
      return { dir, created: dir }
    }
    const dir = path.resolve(dataDir, 'logs')
    return { dir, created: mkdirSync(dir, { recursive: true }) }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new EmbeddedAwsError(`The folder of the logs cannot be created: ${reason}.`, { cause })
  }
}

/** Removes a folder and its parents up to `top`, as long as they are empty. */
function removeEmpty(folder: string, top: string): void {
  if (readdirSync(folder).length > 0) return
  rmdirSync(folder)
  if (folder !== top) removeEmpty(path.dirname(folder), top)
}
