import { S3Error } from '../errors.ts'
import type { StoredObject } from '../index-db.ts'
import { checkBucket, type Deps, type S3Request, sendXml } from '../request.ts'
import { findUpload } from './multipart.ts'

/** The page size of S3. */
const PAGE = 1_000

/** The next page of a listing with a delimiter: objects, and prefixes that several objects have in common. */
interface Page {
  objects: StoredObject[]
  prefixes: string[]
  /** The last key or prefix, if there is more. */
  next: string | undefined
}

/** ListObjectsV2, and the older ListObjects without `list-type=2`. */
export function listObjects(request: S3Request, deps: Deps): void {
  const { bucket, query } = request
  checkBucket(deps, bucket)
  const isV2 = query.get('list-type') === '2'
  const prefix = query.get('prefix') ?? ''
  const delimiter = query.get('delimiter') ?? ''
  const token = isV2 ? query.get('continuation-token') : null
  const after = token === null ? (query.get(isV2 ? 'start-after' : 'marker') ?? '') : fromToken(token)
  const maxKeys = pageSize(query.get('max-keys'), 'max-keys')
  const { objects, prefixes, next } = readPage(deps, { bucket, prefix, delimiter, after, maxKeys })
  // Some characters of keys are not allowed in XML, so a client can ask for encoded ones.
  const isEncoded = query.get('encoding-type') === 'url'
  const shown = (text: string) => (isEncoded ? encodeURIComponent(text).replaceAll('%2F', '/') : text)
  sendXml(request, 'ListBucketResult', {
    Name: bucket,
    Prefix: shown(prefix),
    ...(delimiter !== '' && { Delimiter: shown(delimiter) }),
    MaxKeys: maxKeys,
    ...(isEncoded && { EncodingType: 'url' }),
    IsTruncated: next !== undefined,
    ...(isV2
      ? {
          KeyCount: objects.length + prefixes.length,
          ...(token !== null && { ContinuationToken: token }),
          ...(query.has('start-after') && { StartAfter: shown(query.get('start-after') ?? '') }),
          ...(next !== undefined && { NextContinuationToken: toToken(next) }),
        }
      : {
          Marker: shown(after),
          ...(next !== undefined && delimiter !== '' && { NextMarker: shown(next) }),
        }),
    Contents: objects.map(({ key, modified, etag, size, checksum }) => ({
      Key: shown(key),
      LastModified: modified.toISOString(),
      ETag: etag,
      ...(checksum && { ChecksumAlgorithm: checksum.algorithm, ChecksumType: checksum.type }),
      Size: size,
      StorageClass: 'STANDARD',
    })),
    CommonPrefixes: prefixes.map(one => ({ Prefix: shown(one) })),
  })
}

function readPage(
  { index }: Deps,
  {
    bucket,
    prefix,
    delimiter,
    after,
    maxKeys,
  }: { bucket: string; prefix: string; delimiter: string; after: string; maxKeys: number },
): Page {
  const page: Page = { objects: [], prefixes: [], next: undefined }
  let last = ''
  if (maxKeys === 0) return page
  for (const object of index.objectsAfter(bucket, prefix, after)) {
    const end = delimiter === '' ? -1 : object.key.indexOf(delimiter, prefix.length)
    const common = end === -1 ? undefined : object.key.slice(0, end + delimiter.length)
    // The last page can end with a prefix, and the keys below it are then after the marker.
    if (common !== undefined && (common === page.prefixes.at(-1) || common === after)) continue
    if (page.objects.length + page.prefixes.length === maxKeys) return { ...page, next: last }
    if (common === undefined) page.objects.push(object)
    else page.prefixes.push(common)
    last = common ?? object.key
  }
  return page
}

function toToken(key: string): string {
  return Buffer.from(key).toString('base64url')
}

function fromToken(token: string): string {
  const key = Buffer.from(token, 'base64url').toString()
  if (token !== '' && toToken(key) === token) return key
  throw new S3Error('InvalidArgument', 'The continuation token provided is incorrect')
}

/** ListMultipartUploads. */
export function listUploads(request: S3Request, deps: Deps): void {
  const { bucket, query } = request
  checkBucket(deps, bucket)
  const prefix = query.get('prefix') ?? ''
  const [keyMarker, idMarker] = [query.get('key-marker') ?? '', query.get('upload-id-marker')]
  const maxUploads = pageSize(query.get('max-uploads'), 'max-uploads')
  const rest = deps.index
    .listUploads(bucket, prefix)
    .filter(
      ({ key, id }) => compareKeys(key, keyMarker) > 0 || (key === keyMarker && idMarker !== null && id > idMarker),
    )
  const page = rest.slice(0, maxUploads)
  const last = page.at(-1)
  sendXml(request, 'ListMultipartUploadsResult', {
    Bucket: bucket,
    KeyMarker: keyMarker,
    UploadIdMarker: idMarker ?? '',
    NextKeyMarker: last?.key ?? '',
    NextUploadIdMarker: last?.id ?? '',
    Prefix: prefix,
    MaxUploads: maxUploads,
    IsTruncated: rest.length > page.length,
    Upload: page.map(({ key, id, initiated, checksum }) => ({
      Key: key,
      UploadId: id,
      StorageClass: 'STANDARD',
      Initiated: initiated.toISOString(),
      ChecksumAlgorithm: checksum.algorithm,
      ChecksumType: checksum.type,
    })),
  })
}

/**
 * ListParts. As in S3, NextPartNumberMarker is also on the last page: it is the last part of the page, or 0 on an empty page.
 * A client that follows it starts again with the first part, and never ends.
 * https://github.com/aws/aws-sdk-go-v2/pull/1100
 * https://github.com/awslabs/aws-sdk-rust/issues/1143
 */
export function listParts(request: S3Request, deps: Deps): void {
  const { bucket, key, query } = request
  const { id, checksum } = findUpload(request, deps)
  const marker = Number(query.get('part-number-marker') ?? 0)
  const maxParts = pageSize(query.get('max-parts'), 'max-parts')
  const rest = deps.index.listParts(id).filter(({ part }) => part.number > marker)
  const page = rest.slice(0, maxParts)
  sendXml(request, 'ListPartsResult', {
    Bucket: bucket,
    Key: key,
    UploadId: id,
    StorageClass: 'STANDARD',
    PartNumberMarker: marker,
    NextPartNumberMarker: page.at(-1)?.part.number ?? 0,
    MaxParts: maxParts,
    IsTruncated: rest.length > page.length,
    ChecksumAlgorithm: checksum.algorithm,
    ChecksumType: checksum.type,
    Part: page.map(({ part }) => ({
      PartNumber: part.number,
      LastModified: part.modified.toISOString(),
      ETag: part.etag,
      Size: part.size,
      ...(part.checksum !== undefined && { [`Checksum${checksum.algorithm}`]: part.checksum }),
    })),
  })
}

function pageSize(text: string | null, name: string): number {
  if (text === null || text === '') return PAGE
  const wanted = Number(text)
  if (!Number.isInteger(wanted) || wanted < 0) {
    throw new S3Error('InvalidArgument', `Argument ${name} must be an integer between 0 and 2147483647`)
  }
  return Math.min(PAGE, wanted)
}

function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
