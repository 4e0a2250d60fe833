import { createWriteStream, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, type WriteStream } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { finished } from 'node:stream/promises'
import { EmbeddedAwsError } from '../errors.ts'

/** The logs of the children, a file each. */
export interface LogFiles {
  readonly dir: string
  /** What takes the lines of one child. Its file is there from the first on. */
  open(name: string): (line: string) => void
  /** Whether anything was written. */
  hasLines(): boolean
  /** Resolves when every line is written, or its file has failed. Where there was none, nothing is left of what was created. */
  close(): Promise<void>
  /** Takes them off the disk, where they are in no data directory. After close. */
  discard(): void
}

/**
 * @param dataDir where a folder `logs` keeps them, across restarts. Left out: a temporary folder.
 * @param onNotice told when a file cannot be written any more: a full disk must not end the pipeline
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
      // What failed has been reported.
      await Promise.allSettled([...streams.values()].map(stream => finished(stream)))
      if (streams.size === 0 && created !== undefined) removeEmpty(dir, created)
    },
    discard() {
      if (dataDir === undefined) rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** @returns the folder, and the topmost that was not there before */
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
    throw new EmbeddedAwsError(`There is no place for the logs: ${reason}.`, { cause })
  }
}

/** Removes a folder and those above it up to `top`, as long as nothing is in them. */
function removeEmpty(folder: string, top: string): void {
  if (readdirSync(folder).length > 0) return
  rmdirSync(folder)
  if (folder !== top) removeEmpty(path.dirname(folder), top)
}
