import { createWriteStream, mkdirSync, mkdtempSync, rmSync, type WriteStream } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { finished } from 'node:stream/promises'
import { EmbeddedAwsError } from '../errors.ts'

/** The logs of the children, a file each. */
export interface LogFiles {
  readonly dir: string
  /** What takes the lines of one child. */
  open(name: string): (line: string) => void
  /** Resolves when every line is written. */
  close(): Promise<void>
  /** Takes them off the disk, where they are in no data directory. After close. */
  discard(): void
}

/**
 * @param dataDir where a folder `logs` keeps them, across restarts. Left out: a temporary folder.
 * @throws EmbeddedAwsError
 */
export function openLogFiles(dataDir: string | undefined): LogFiles {
  const dir = makeDir(dataDir)
  const streams: WriteStream[] = []
  return {
    dir,
    open(name) {
      const stream = createWriteStream(path.join(dir, `${name.replaceAll(' ', '-')}.log`), { flags: 'a' })
      streams.push(stream)
      return line => stream.write(`${line}\n`)
    },
    async close() {
      for (const stream of streams) stream.end()
      await Promise.all(streams.map(stream => finished(stream)))
    },
    discard() {
      if (dataDir === undefined) rmSync(dir, { recursive: true, force: true })
    },
  }
}

function makeDir(dataDir: string | undefined): string {
  try {
    if (dataDir === undefined) return mkdtempSync(path.join(tmpdir(), 'headgate-'))
    const dir = path.resolve(dataDir, 'logs')
    mkdirSync(dir, { recursive: true })
    return dir
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new EmbeddedAwsError(`There is no place for the logs: ${reason}.`, { cause })
  }
}
