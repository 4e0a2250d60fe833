import { createHash, randomUUID } from 'node:crypto'
import { readXml, receiveBody } from '../body.ts'
import {
  type Checksum,
  headerOf as checksumHeader,
  checksumOfParts,
  createDigest,
  DEFAULT_ALGORITHM,
  findChecksum,
  parseAlgorithm,
  typeOf,
} from '../checksums.ts'
import { checkWrite } from '../conditions.ts'
import { S3Error } from '../errors.ts'
import type { StoredObject, StoredPart, StoredUpload } from '../index-db.ts'
import { checkBucket, type Deps, headerOf, type S3Request, sendEmpty, sendXml } from '../request.ts'
import { headersToStore } from '../stored-headers.ts'
import { findAll, findText } from '../xml.ts'
import { copyPart } from './copy.ts'

const MIN_PART_BYTES = 5 * 1024 ** 2
const MAX_PARTS = 10_000

export function createUpload(request: S3Request, deps: Deps): void {
  const { bucket, key } = request
  checkBucket(deps, bucket)
  const asked = parseAlgorithm(headerOf(request, 'x-amz-checksum-algorithm'))
  const algorithm = asked ?? DEFAULT_ALGORITHM
  const type = typeOf(algorithm, headerOf(request, 'x-amz-checksum-type'))
  const upload: StoredUpload = {
    id: randomUUID(),
    bucket,
    key,
    initiated: new Date(),
    headers: headersToStore(request),
    checksum: { algorithm, type, asked: asked !== undefined },
  }
  deps.index.createUpload(upload)
  const headers: Record<string, string> = asked
    ? { 'x-amz-checksum-algorithm': algorithm, 'x-amz-checksum-type': type }
    : {}
  sendXml(request, 'InitiateMultipartUploadResult', { Bucket: bucket, Key: key, UploadId: upload.id }, headers)
}

/** Stores a part that the request sends, or that it copies from an object. */
export async function putPart(request: S3Request, deps: Deps): Promise<void> {
  const { index, contents } = deps
  const upload = findUpload(request, deps)
  const number = partNumber(request)
  const { algorithm } = upload.checksum
  const store = async (facts: Omit<StoredPart, 'number'>, segments: Parameters<typeof index.putPart>[2]) => {
    const unused = index.transaction(() => {
      // The upload may have been aborted or completed in the meantime.
      findUpload(request, deps)
      return index.putPart(upload.id, { number, ...facts }, segments)
    })
    await contents.delete(unused)
  }
  if (headerOf(request, 'x-amz-copy-source') !== undefined) return copyPart(request, deps, { algorithm, store })

  const sent = findChecksum(request.raw.headers)
  if (sent && upload.checksum.asked && sent.algorithm !== algorithm) throw wrongAlgorithm(algorithm, sent.algorithm)
  const body = await receiveBody(request, contents, algorithm)
  const { segment, md5 } = body
  try {
    if (body.isSent && upload.checksum.asked && body.algorithm !== algorithm) {
      throw wrongAlgorithm(algorithm, body.algorithm)
    }
    // A client can send another checksum than the default one, which S3 then computes in addition.
    const checksum = body.algorithm === algorithm ? body.checksum : await checksumOf(deps, segment, algorithm)
    await store({ size: segment.length, etag: `"${md5}"`, modified: new Date(), checksum }, [segment])
  } catch (error) {
    await contents.delete([segment.file])
    throw error
  }
  sendEmpty(request, 200, { etag: `"${md5}"`, [checksumHeader(body.algorithm)]: body.checksum })
}

/** Makes the object of an upload. It consists of the files of its parts, so no byte is copied. */
export async function completeUpload(request: S3Request, deps: Deps): Promise<void> {
  const { index, contents } = deps
  const { bucket, key } = request
  const upload = findUpload(request, deps)
  const wanted = parseParts(await readXml(request), upload)
  const { object, unused } = index.transaction(() => {
    findUpload(request, deps)
    checkWrite(request, index.findObject(bucket, key)?.object)
    const parts = chooseParts(wanted, upload, index.listParts(upload.id))
    const object = objectOf(
      upload,
      parts.map(({ part }) => part),
    )
    checkWhole(request, object)
    const replaced = index.putObject(
      bucket,
      object,
      parts.flatMap(({ segments }) => segments),
    )
    const unused = [...replaced, ...index.deleteUpload(upload.id)].filter(file => !index.isUsed(file))
    return { object, unused }
  })
  await contents.delete(unused)
  const { checksum, etag } = object
  sendXml(request, 'CompleteMultipartUploadResult', {
    Location: `http://${request.raw.headers.host ?? ''}/${bucket}/${encodeURIComponent(key)}`,
    Bucket: bucket,
    Key: key,
    ETag: etag,
    ...(checksum && { [`Checksum${checksum.algorithm}`]: checksum.value, ChecksumType: checksum.type }),
  })
}

export async function abortUpload(request: S3Request, deps: Deps): Promise<void> {
  const { index, contents } = deps
  const upload = findUpload(request, deps)
  await contents.delete(index.transaction(() => index.deleteUpload(upload.id)))
  sendEmpty(request, 204)
}

/** @throws S3Error NoSuchBucket, NoSuchUpload */
export function findUpload({ bucket, key, query }: S3Request, deps: Deps): StoredUpload {
  checkBucket(deps, bucket)
  const upload = deps.index.findUpload(query.get('uploadId') ?? '', bucket, key)
  if (upload) return upload
  throw new S3Error(
    'NoSuchUpload',
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
  )
}

function partNumber({ query }: S3Request): number {
  const number = Number(query.get('partNumber'))
  if (Number.isInteger(number) && number >= 1 && number <= MAX_PARTS) return number
  throw new S3Error('InvalidArgument', `Part number must be an integer between 1 and ${MAX_PARTS}, inclusive`)
}

interface WantedPart {
  number: number
  /** Without quotes. */
  etag: string
  checksum: string | undefined
}

/** @throws S3Error MalformedXML, InvalidRequest if a part lacks the checksum that a composite checksum needs */
function parseParts(xml: string, { checksum: { algorithm, type, asked } }: StoredUpload): WantedPart[] {
  const parts = findAll(xml, 'Part').map(part => ({
    number: Number(findText(part, 'PartNumber')),
    etag: findText(part, 'ETag')?.replaceAll('"', '') ?? '',
    checksum: findText(part, `Checksum${algorithm}`),
  }))
  if (parts.length === 0 || parts.some(({ number, etag }) => !Number.isInteger(number) || etag === '')) {
    throw new S3Error(
      'MalformedXML',
      'The XML you provided was not well-formed or did not validate against our published schema',
    )
  }
  const missing = asked && type === 'COMPOSITE' ? parts.find(({ checksum }) => checksum === undefined) : undefined
  if (!missing) return parts
  throw new S3Error(
    'InvalidRequest',
    `The upload was created using a ${algorithm.toLowerCase()} checksum. The complete request must include the checksum for each part. It was missing for part ${missing.number} in the request.`,
  )
}

type PartWithSegments = ReturnType<Deps['index']['listParts']>[number]

/** @throws S3Error InvalidPart, InvalidPartOrder, EntityTooSmall */
function chooseParts(wanted: readonly WantedPart[], upload: StoredUpload, present: readonly PartWithSegments[]) {
  const byNumber = new Map(present.map(one => [one.part.number, one]))
  if (wanted.some(({ number }, position) => position > 0 && number <= (wanted[position - 1]?.number ?? 0))) {
    throw new S3Error(
      'InvalidPartOrder',
      'The list of parts was not in ascending order. Parts must be ordered by part number.',
    )
  }
  return wanted.map(({ number, etag, checksum }, position) => {
    const found = byNumber.get(number)
    const isSame = found?.part.etag === `"${etag}"` && (checksum ?? found.part.checksum) === found.part.checksum
    if (!found || !isSame) {
      throw new S3Error(
        'InvalidPart',
        `One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag. Part ${number} of ${upload.id}.`,
      )
    }
    if (position < wanted.length - 1 && found.part.size < MIN_PART_BYTES) {
      throw new S3Error('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size')
    }
    return found
  })
}

/** Returns the object of an upload. Its ETag is the MD5 of the MD5s of its parts, and their number. */
function objectOf(
  { key, headers, checksum: { algorithm, type } }: StoredUpload,
  parts: readonly StoredPart[],
): StoredObject {
  const md5 = createHash('md5')
  for (const { etag } of parts) md5.update(Buffer.from(etag.replaceAll('"', ''), 'hex'))
  return {
    key,
    size: parts.reduce((sum, { size }) => sum + size, 0),
    etag: `"${md5.digest('hex')}-${parts.length}"`,
    modified: new Date(),
    headers,
    parts: parts.map(({ number, size, checksum }) => ({ number, size, ...(checksum !== undefined && { checksum }) })),
    ...wholeChecksum(algorithm, type, parts),
  }
}

/** Parts of an earlier version can lack a checksum. The object then has none. */
function wholeChecksum(
  algorithm: Checksum['algorithm'],
  type: Checksum['type'],
  parts: readonly StoredPart[],
): { checksum?: Checksum } {
  const known = parts.flatMap(({ checksum, size }) => (checksum === undefined ? [] : [{ checksum, size }]))
  return known.length === parts.length ? { checksum: checksumOfParts(algorithm, type, known) } : {}
}

/**
 * Compares an object with what the client says about the whole.
 *
 * @throws S3Error BadDigest, InvalidRequest
 */
function checkWhole(request: S3Request, { size, checksum }: StoredObject): void {
  const expectedSize = headerOf(request, 'x-amz-mp-object-size')
  if (expectedSize !== undefined && Number(expectedSize) !== size) {
    throw new S3Error(
      'InvalidRequest',
      `The provided 'x-amz-mp-object-size' header value ${expectedSize} does not match what was computed: ${size}`,
    )
  }
  const sent = findChecksum(request.raw.headers)
  if (!sent || !checksum) return
  if (sent.algorithm !== checksum.algorithm) throw wrongAlgorithm(checksum.algorithm, sent.algorithm)
  if (sent.value.split('-')[0] === checksum.value.split('-')[0]) return
  throw new S3Error(
    'BadDigest',
    `The ${sent.algorithm.toLowerCase()} you specified did not match the calculated checksum.`,
  )
}

async function checksumOf(
  { contents }: Deps,
  segment: PartWithSegments['segments'][number],
  algorithm: Checksum['algorithm'],
) {
  const digest = createDigest(algorithm)
  for await (const bytes of contents.read([segment], 0, segment.length)) digest.update(bytes)
  return digest.digest().toString('base64')
}

function wrongAlgorithm(expected: string, actual: string): S3Error {
  const [upper, lower] = [expected, actual].map(name => name.toLowerCase())
  return new S3Error(
    'InvalidRequest',
    `Checksum Type mismatch occurred, expected checksum Type: ${upper}, actual checksum Type: ${lower}`,
  )
}
