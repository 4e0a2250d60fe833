import { createHash } from 'node:crypto'
import { type Algorithm, createDigest, DEFAULT_ALGORITHM, parseAlgorithm } from '../checksums.ts'
import { checkWrite } from '../conditions.ts'
import { cut, type Segment } from '../contents.ts'
import { S3Error } from '../errors.ts'
import type { StoredObject } from '../index-db.ts'
import { checkBucket, type Deps, headerOf, type S3Request, sendXml } from '../request.ts'
import { headersToStore } from '../stored-headers.ts'
import { findObject } from './objects.ts'

/**
 * Copies an object. The copy shares the files of the source, and only its digests are computed: a copy is one object of one part, also
 * if the source has several.
 */
export async function copyObject(request: S3Request, deps: Deps): Promise<void> {
  const { bucket, key } = request
  checkBucket(deps, bucket)
  const source = parseSource(request)
  const { object, segments } = findObject(source, deps)
  checkSource(request, object)
  const replaces = headerOf(request, 'x-amz-metadata-directive')?.toUpperCase() === 'REPLACE'
  if (!replaces && source.bucket === bucket && source.key === key) {
    throw new S3Error(
      'InvalidRequest',
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    )
  }
  const wanted = parseAlgorithm(headerOf(request, 'x-amz-checksum-algorithm'))
  const algorithm = wanted ?? object.checksum?.algorithm ?? DEFAULT_ALGORITHM
  await deps.contents.hold(segments, async () => {
    const { md5, checksum } = await digestsOf(deps, segments, { begin: 0, end: object.size, algorithm })
    const copy: StoredObject = {
      key,
      size: object.size,
      etag: `"${md5}"`,
      modified: new Date(),
      headers: replaces ? headersToStore(request) : object.headers,
      ...(object.tags && { tags: object.tags }),
      checksum: { algorithm, value: checksum, type: 'FULL_OBJECT' },
    }
    const unused = deps.index.transaction(() => {
      checkBucket(deps, bucket)
      checkWrite(request, deps.index.findObject(bucket, key)?.object)
      return deps.index.putObject(bucket, copy, segments)
    })
    await deps.contents.delete(unused)
    sendXml(request, 'CopyObjectResult', { ETag: copy.etag, LastModified: copy.modified.toISOString() })
  })
}

/** Copies an object, or a range of it, to a part of a multipart upload. */
export async function copyPart(request: S3Request, deps: Deps, { algorithm, store }: CopiedPart): Promise<void> {
  const { object, segments } = findObject(parseSource(request), deps)
  checkSource(request, object)
  const { begin, end } = parseSourceRange(headerOf(request, 'x-amz-copy-source-range'), object.size)
  await deps.contents.hold(segments, async () => {
    const { md5, checksum } = await digestsOf(deps, segments, { begin, end, algorithm })
    const etag = `"${md5}"`
    const modified = new Date()
    await store({ size: end - begin, etag, modified, checksum }, cut(segments, begin, end))
    sendXml(request, 'CopyPartResult', {
      ETag: etag,
      LastModified: modified.toISOString(),
      [`Checksum${algorithm}`]: checksum,
    })
  })
}

export interface CopiedPart {
  algorithm: Algorithm
  store(
    part: { size: number; etag: string; modified: Date; checksum: string },
    segments: readonly Segment[],
  ): Promise<void>
}

/** @throws S3Error InvalidArgument */
function parseSource(request: S3Request): { bucket: string; key: string } {
  const header = headerOf(request, 'x-amz-copy-source') ?? ''
  let text: string
  try {
    text = decodeURIComponent(header.replace(/\?versionId=.*$/, ''))
  } catch {
    throw new S3Error('InvalidArgument', `The copy source is not URL-encoded: ${header}`)
  }
  const [, bucket, key] = /^\/?([^/]+)\/(.+)$/s.exec(text) ?? []
  if (bucket !== undefined && key !== undefined) return { bucket, key }
  throw new S3Error('InvalidArgument', 'Copy Source must mention the source bucket and key: sourcebucket/sourcekey')
}

/** Evaluates the conditions on the source of a copy. */
function checkSource(request: S3Request, { etag }: StoredObject): void {
  const bare = (text: string | undefined) => text?.replaceAll('"', '')
  const match = bare(headerOf(request, 'x-amz-copy-source-if-match'))
  const noneMatch = bare(headerOf(request, 'x-amz-copy-source-if-none-match'))
  if ((match === undefined || match === bare(etag)) && noneMatch !== bare(etag)) return
  throw new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold')
}

/** @throws S3Error InvalidArgument */
function parseSourceRange(header: string | undefined, size: number): { begin: number; end: number } {
  if (header === undefined) return { begin: 0, end: size }
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(header) ?? []
  if (first === undefined || last === undefined) {
    throw new S3Error(
      'InvalidArgument',
      'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy',
    )
  }
  const [begin, end] = [Number(first), Number(last) + 1]
  if (begin < end && end <= size) return { begin, end }
  throw new S3Error('InvalidArgument', `Range specified is not valid for source object of size: ${size}`)
}

async function digestsOf(
  { contents }: Deps,
  segments: readonly Segment[],
  { begin, end, algorithm }: { begin: number; end: number; algorithm: Algorithm },
): Promise<{ md5: string; checksum: string }> {
  const md5 = createHash('md5')
  const checksum = createDigest(algorithm)
  for await (const bytes of contents.read(segments, begin, end)) {
    md5.update(bytes)
    checksum.update(bytes)
  }
  return { md5: md5.digest('hex'), checksum: checksum.digest().toString('base64') }
}
