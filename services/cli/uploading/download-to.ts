import { constants } from 'node:fs'
import { lstat, open, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { DownloadOptions, Headgate, Upload } from '../../client/index.ts'
import { sha256OfFile } from '../../client/node-files.ts'
import { Retries } from '../../client/retry.ts'
import { DownloadError } from '../errors.ts'

/** What to download. */
export interface DownloadSource {
  headgate: Headgate
  upload: Upload
  what: DownloadOptions['what']
  signal: AbortSignal
}

const PART_SUFFIX = '.headgate-part'
/** How long a download is continued without a byte more, in milliseconds. */
const RETRY_FOR_MS = 60_000

interface Part {
  path: string
  /** Bytes. */
  size: number
  etag: string
}

/**
 * Downloads into a file. The bytes are written to a part file in the same folder, whose name has the ETag of the object and the id of this
 * process. A later download of the same object continues it. Two downloads at once have a part each. Resolves to the number of bytes.
 *
 * @throws DownloadError if the bytes do not arrive, or are not those of the upload
 */
export async function downloadTo(file: string, source: DownloadSource): Promise<number> {
  const { headgate, upload, what, signal } = source
  const { size } = await headgate.downloadUrl(upload.uploadId, { what, signal })
  const retries = new Retries(RETRY_FOR_MS, signal)
  for (;;) {
    const part = await takePart(file, size)
    const isComplete = part?.size === size
    const failure = isComplete ? undefined : await receive(file, part, source)
    const received = await takePart(file, size)
    if (received && received.size > (part?.size ?? 0)) retries.progress()
    if (failure === undefined && received) {
      await verify(received, size, source)
      await rename(received.path, file)
      for (const left of await abandonedParts(file)) await remove(left.path)
      return size
    }
    if (!(await retries.next())) {
      const message = 'The download broke off. Run the same command again to go on.'
      throw new DownloadError(message, { cause: failure })
    }
  }
}

/** Writes what arrives to the part file. Resolves to the error if the connection broke off. */
async function receive(file: string, part: Part | undefined, source: DownloadSource): Promise<Error | undefined> {
  const { headgate, upload, what, signal } = source
  const continueFrom = part && { offset: part.size, etag: `"${part.etag}"` }
  const response = await headgate.download(upload.uploadId, { what, signal, continueFrom })
  const isRest = response.status === 206
  if (part && !isRest) await remove(part.path)
  const target = part && isRest ? part.path : partPath(file, etagOf(response))
  const body = response.body ?? new ReadableStream({ start: controller => controller.close() })
  // A part file is never a link to another file.
  const flags =
    constants.O_WRONLY | constants.O_NOFOLLOW | (isRest ? constants.O_APPEND : constants.O_CREAT | constants.O_EXCL)
  const handle = await open(target, flags, 0o600)
  try {
    await pipeline(Readable.from(body), handle.createWriteStream({ flush: true }), { signal })
    return undefined
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof Error) || !('syscall' in error && error.syscall === 'write')) return error as Error
    // The disk is full. A hidden part must not keep it full.
    await remove(target)
    throw error
  }
}

/** Checks the bytes. Wrong bytes are removed, so that the next command does not continue them. */
async function verify(
  { path: part, size }: Part,
  expected: number,
  { upload, what, signal }: DownloadSource,
): Promise<void> {
  const isContent = what === undefined || what === 'content'
  const sha256 = isContent ? upload.sha256 : undefined
  const isRight = size === expected && (sha256 === undefined || (await sha256OfFile(part, signal)) === sha256)
  if (isRight) return
  await remove(part)
  throw new DownloadError('Other bytes arrived than those of the upload. Run the command again.')
}

/**
 * Takes the part with the most bytes that an earlier command or this one received. Removes a part that no download can have left: a link,
 * or one with too many bytes.
 */
async function takePart(file: string, maxSize: number): Promise<Part | undefined> {
  let largest: Part | undefined
  for (const { path: found, etag } of await abandonedParts(file)) {
    const info = await lstat(found).catch(ignoreMissing)
    if (info === undefined) continue
    if (!info.isFile() || info.nlink !== 1 || info.size > maxSize) await remove(found)
    else if (info.size >= (largest?.size ?? 0)) largest = { path: found, size: info.size, etag }
  }
  if (largest === undefined) return undefined
  const own = partPath(file, largest.etag)
  if (largest.path === own) return largest
  try {
    // Of several commands that want the part, the rename succeeds for one.
    await rename(largest.path, own)
    return { ...largest, path: own }
  } catch (error) {
    ignoreMissing(error as NodeJS.ErrnoException)
    return await takePart(file, maxSize)
  }
}

/** Returns the parts of a file that no other running command is writing. */
async function abandonedParts(file: string): Promise<Array<Pick<Part, 'path' | 'etag'>>> {
  const folder = path.dirname(file)
  const prefix = `.${path.basename(file)}.`
  return (await readdir(folder)).flatMap(name => {
    if (!name.startsWith(prefix) || !name.endsWith(PART_SUFFIX)) return []
    // The part of a file whose name begins with the name of this file does not match.
    const found = /^([\w-]+)\.(\d+)$/.exec(name.slice(prefix.length, -PART_SUFFIX.length))
    const [, etag = '', pid = ''] = found ?? []
    return found && !isOtherProcess(Number(pid)) ? [{ path: path.join(folder, name), etag }] : []
  })
}

/** Returns whether a process runs that is not this one. */
function isOtherProcess(pid: number): boolean {
  if (pid === process.pid) return false
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // The process of another user may not be signalled.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function partPath(file: string, etag: string): string {
  return path.join(path.dirname(file), `.${path.basename(file)}.${etag}.${process.pid}${PART_SUFFIX}`)
}

async function remove(file: string): Promise<void> {
  await rm(file, { force: true, recursive: true })
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

/** Returns the ETag without quotation marks. A `data:` URL, which an empty file has, has none. */
function etagOf(response: Response): string {
  return response.headers.get('etag')?.replaceAll(/[^\w-]/g, '') ?? 'none'
}

/** Writes all bytes to the standard output, to a pipe or to a device. */
export async function downloadInto(target: NodeJS.WritableStream, source: DownloadSource): Promise<void> {
  const { headgate, upload, what, signal } = source
  const { body } = await headgate.download(upload.uploadId, { what, signal })
  if (body) await pipeline(Readable.from(body), target, { signal, end: target !== process.stdout })
}
