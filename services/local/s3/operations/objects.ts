import { pipeline } from 'node:stream/promises'
import { receiveBody } from '../body.ts'
import { checksumHeaders } from '../checksums.ts'
import { checkWrite, isUnchanged } from '../conditions.ts'
import type { Segment } from '../contents.ts'
import { S3Error } from '../errors.ts'
import type { StoredObject } from '../index-db.ts'
import { checkBucket, type Deps, headerOf, type S3Request, sendEmpty } from '../request.ts'
import { checksumToSend, headersToSend, headersToStore } from '../stored-headers.ts'

export async function putObject(request: S3Request, deps: Deps): Promise<void> {
  const { bucket, key } = request
  checkBucket(deps, bucket)
  const { segment, md5, algorithm, checksum } = await receiveBody(request, deps.contents)
  const object: StoredObject = {
    key,
    size: segment.length,
    etag: `"${md5}"`,
    modified: new Date(),
    headers: headersToStore(request),
    checksum: { algorithm, value: checksum, type: 'FULL_OBJECT' },
  }
  await storeObject(request, deps, object, [segment])
  sendEmpty(request, 200, { etag: object.etag, ...checksumHeaders(object.checksum) })
}

/** Stores an object whose bytes are on disk. If that fails, deletes the bytes. */
export async function storeObject(
  request: S3Request,
  { index, contents }: Deps,
  object: StoredObject,
  segments: readonly Segment[],
): Promise<void> {
  const { bucket, key } = request
  try {
    const unused = index.transaction(() => {
      checkBucket({ index }, bucket)
      checkWrite(request, index.findObject(bucket, key)?.object)
      return index.putObject(bucket, object, segments)
    })
    await contents.delete(unused)
  } catch (error) {
    await contents.delete(segments.map(({ file }) => file).filter(file => !index.isUsed(file)))
    throw error
  }
}

/** Sends an object, a range of it or one of its parts. A response to HEAD has the same headers and no body. */
export async function getObject(request: S3Request, deps: Deps): Promise<void> {
  const { raw, response } = request
  const { object, segments } = findObject(request, deps)
  const headers = headersToSend(request, object)
  if (isUnchanged(request, object)) {
    const { etag, 'last-modified': modified } = headers
    response.writeHead(304, { etag, 'last-modified': modified })
    response.end()
    return
  }
  const part = findPart(request, object)
  const range = part ?? parseRange(headerOf(request, 'range'), object.size)
  const { begin, end } = range ?? { begin: 0, end: object.size }
  // A checksum of the whole object says nothing about a range.
  const about = range
    ? { 'content-range': `bytes ${begin}-${end - 1}/${object.size}`, ...part?.headers }
    : checksumToSend(request, object)
  const isPartial = range !== undefined && object.size > 0
  response.writeHead(isPartial ? 206 : 200, { ...headers, ...about, 'content-length': end - begin })
  if (raw.method === 'HEAD') {
    response.end()
    return
  }
  await deps.contents.hold(segments, () => pipeline(deps.contents.read(segments, begin, end), response))
}

export async function deleteObject(request: S3Request, deps: Deps): Promise<void> {
  const { bucket, key } = request
  checkBucket(deps, bucket)
  await deps.contents.delete(deps.index.transaction(() => deps.index.deleteObject(bucket, key)))
  sendEmpty(request, 204)
}

/** @throws S3Error NoSuchBucket, NoSuchKey */
export function findObject({ bucket, key }: Pick<S3Request, 'bucket' | 'key'>, deps: Deps) {
  checkBucket(deps, bucket)
  const found = deps.index.findObject(bucket, key)
  if (!found) throw new S3Error('NoSuchKey', 'The specified key does not exist.')
  return found
}

interface Range {
  begin: number
  /** The offset after the last byte. */
  end: number
}

/**
 * Reads a Range header. Like S3, ignores an invalid one and one with several ranges.
 *
 * @throws S3Error InvalidRange
 */
export function parseRange(header: string | undefined, size: number): Range | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? []
  if (first === '' && last === '') return undefined
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined
  const begin = first === '' ? Math.max(size - Number(last), 0) : Number(first)
  const end = first === '' || last === '' ? size : Math.min(Number(last) + 1, size)
  if (begin < end) return { begin, end }
  throw new S3Error('InvalidRange', 'The requested range is not satisfiable', { 'content-range': `bytes */${size}` })
}

/**
 * Returns the range of the part that `partNumber` names. An object without parts is its own first part.
 *
 * @throws S3Error InvalidPartNumber
 */
function findPart(request: S3Request, { parts, size }: StoredObject) {
  const wanted = request.query.get('partNumber')
  if (wanted === null) return undefined
  const all = parts ?? [{ number: 1, size }]
  let begin = 0
  for (const part of all) {
    const end = begin + part.size
    if (part.number === Number(wanted)) {
      const headers = parts ? { 'x-amz-mp-parts-count': String(parts.length) } : {}
      return { begin, end, headers }
    }
    begin = end
  }
  throw new S3Error('InvalidPartNumber', 'The requested partnumber is not satisfiable')
}
