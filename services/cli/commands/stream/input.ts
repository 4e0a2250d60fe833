import { createReadStream, fstatSync, open, type Stats } from 'node:fs'
import { access, constants, stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import { addAbortSignal, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { NothingFoundError, RefusedError } from '../../errors.ts'

/** Resolves to a file descriptor, which the socket of the pipe closes. */
const openPipe = promisify(open)

/** A file or standard input. */
export interface Input {
  /** The input can be read again, so all of it can be checked before anything is sent. */
  readonly isRepeatable: boolean
  readonly isTerminal: boolean
  /** The signal ends reading with an error. */
  open(signal: AbortSignal): AsyncIterable<Buffer>
}

/** A file on standard input cannot be read again, because a shell may have read its beginning. Up to this size, it is kept in memory. */
const MAX_BYTES_KEPT = 64 * 1024 ** 2

const CHUNK_BYTES = 1024 ** 2

/**
 * Opens a file, or standard input for `-`.
 *
 * @throws NothingFoundError if the file does not exist; RefusedError if it cannot be read
 */
export async function openInput(file: string): Promise<Input> {
  if (file === '-') return await openStandardInput()
  const found = await checkFile(file)
  if (found.isFIFO()) {
    // Not a file stream, whose pending read would keep the process alive after Ctrl-C.
    const pipe = new Socket({ fd: await openPipe(file, constants.O_RDONLY), readable: true, writable: false })
    return { isRepeatable: false, isTerminal: false, open: signal => addAbortSignal(signal, pipe) }
  }
  return {
    isRepeatable: found.isFile(),
    isTerminal: false,
    open: signal => createReadStream(file, { signal, highWaterMark: CHUNK_BYTES }),
  }
}

async function openStandardInput(): Promise<Input> {
  const { stdin } = process
  const found = fstatSync(stdin.fd)
  if (found.isFile() && found.size <= MAX_BYTES_KEPT) {
    const content = await buffer(stdin)
    return { isRepeatable: true, isTerminal: false, open: () => Readable.from([content]) }
  }
  return { isRepeatable: false, isTerminal: stdin.isTTY === true, open: signal => addAbortSignal(signal, stdin) }
}

/** Returns what the file system says about a file, a pipe or a device that can be read. */
async function checkFile(file: string): Promise<Stats> {
  try {
    await access(file, constants.R_OK)
    const found = await stat(file)
    if (found.isDirectory()) throw new RefusedError(`'${file}' is a folder. Give a file, or - for standard input.`)
    return found
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && 'syscall' in error)) throw error
    if (error.code === 'ENOENT') throw new NothingFoundError(`There is no file '${file}'.`, { cause: error })
    throw new RefusedError(`The file '${file}' cannot be read: ${error.message}.`, { cause: error })
  }
}
