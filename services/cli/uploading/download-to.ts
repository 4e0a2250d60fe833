import { constants } from 'node:fs'
import { lstat, open, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { DownloadOptions, Headgate, Upload } from '../../client/index.ts'
import { Retries } from '../../client/retry.ts'
import { DownloadError } from '../errors.ts'
import { sha256Of } from './sha256.ts'

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
 * Downloads into a file. The bytes are written to a part file in the same folder, whose name has the ETag of the object. A later download
 * of the same object continues it. Resolves to the number of bytes.
 *
 * @throws DownloadError if the bytes do not arrive, or are not those of the upload
 */
export async function downloadTo(file: string, source: DownloadSource): Promise<number> {
  const { headgate, upload, what, signal } = source
  const { size } = await headgate.downloadUrl(upload.uploadId, { what, signal })
  const retries = new Retries(RETRY_FOR_MS, signal)
  for (;;) {
    const part = await findPart(file, size)
    const isComplete = part?.size === size
    const failure = isComplete ? undefined : await receive(file, part, source)
    const received = await findPart(file, size)
    if (received && received.size > (part?.size ?? 0)) retries.progress()
    if (failure === undefined && received) {
      await verify(received, size, source)
      await rename(received.path, file)
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
  if (part && !isRest) await rm(part.path, { force: true })
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
    await rm(target, { force: true })
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
  const isRight = size === expected && (sha256 === undefined || (await sha256Of(part, signal)) === sha256)
  if (isRight) return
  await rm(part, { force: true })
  throw new DownloadError('Other bytes arrived than those of the upload. Run the command again.')
}

/** Finds what an earlier command received. Removes a part that no download can have left: a link, or one with too many bytes. */
async function findPart(file: string, maxSize: number): Promise<Part | undefined> {
  const prefix = path.basename(partPath(file, '')).slice(0, -PART_SUFFIX.length)
  const folder = path.dirname(file)
  const name = (await readdir(folder)).find(entry => entry.startsWith(prefix) && entry.endsWith(PART_SUFFIX))
  if (name === undefined) return undefined
  const found = path.join(folder, name)
  const info = await lstat(found)
  if (info.isFile() && info.nlink === 1 && info.size <= maxSize) {
    return { path: found, size: info.size, etag: name.slice(prefix.length, -PART_SUFFIX.length) }
  }
  await rm(found, { force: true, recursive: true })
  return await findPart(file, maxSize)
}

function partPath(file: string, etag: string): string {
  return path.join(path.dirname(file), `.${path.basename(file)}.${etag}${PART_SUFFIX}`)
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
