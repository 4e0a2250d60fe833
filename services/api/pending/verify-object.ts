import { hash } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { GetObjectCommand, HeadObjectCommand, type HeadObjectCommandOutput, type S3Client } from '@aws-sdk/client-s3'
import { HEAD_BYTES } from '../../uploads/media-types/detect-type.ts'
import { fromObjectMetadata, toObjectMetadata } from '../../uploads/objects/metadata.ts'
import type { PendingRecord } from '../../uploads/pending/pending.ts'
import { isIdentity } from '../body-formats/body-headers.ts'
import type { TypeInspector } from '../content/inspect-type.ts'
import { ArrivalRefusedError, NotArrivedError } from './errors.ts'

export interface VerifyObjectDeps {
  s3: S3Client
  /** The same S3 without the SDK's checksums: see `plainS3`. */
  plain: S3Client
  /** True if S3 verifies the SHA-256 that it stores. S3 of AWS does. Some compatible servers store what the client sent. */
  trustChecksums: boolean
  inspector: TypeInspector
}

/** The facts of an object that matches its reservation. */
export interface VerifiedObject {
  /** Bytes. */
  size: number
  /** Lower-case hex. Missing if only a worker that reads the whole object can tell. */
  sha256?: string
  /** The digest that the client announced, for the worker to compare the object with. Only if `sha256` is missing. */
  announcedSha256?: string
  /** The type that the first bytes show, if they show one. */
  detectedType?: string
}

/**
 * Compares an object with its reservation, by what S3 reports and never by what the client says. Checks its type by its first bytes,
 * as for every other upload. Never reads more than the first bytes, so that an upload of any size is accepted at once. The SHA-256 is
 * the one that S3 computed over the whole object, or that of the first bytes if the object has no more. Of other objects the worker
 * finds it, before it writes an output.
 *
 * @param known the SHA-256 of the object, if it is known without asking S3
 * @throws NotArrivedError if there is no object
 * @throws ArrivalRefusedError if the object does not match its reservation
 * @throws ProblemError if the type of the object is not allowed
 */
export async function verifyObject(
  deps: VerifyObjectDeps,
  reservation: PendingRecord,
  known?: { sha256: string },
): Promise<VerifiedObject> {
  const found = await headObject(deps, reservation)
  const size = found.ContentLength ?? 0
  check('size', `${reservation.size} bytes`, `${size} bytes`)
  check('content type', reservation.contentType, found.ContentType)
  const metadata = fromObjectMetadata(found.Metadata)
  check('upload', `${reservation.owner} ${reservation.uploadId}`, `${metadata?.owner} ${metadata?.uploadId}`)
  checkNothingAdded(found, toObjectMetadata(reservation))
  const head = await readHead(deps, reservation, size, found.ETag)
  const detectedType = (await deps.inspector.whole(head, reservation.contentType)).detectedType()
  const checksum = known?.sha256 ?? (deps.trustChecksums ? ownChecksum(found) : undefined)
  const sha256 = checksum ?? (head.byteLength === size ? hash('sha256', head) : undefined)
  const announced = reservation.sha256
  if (announced !== undefined && sha256 !== undefined) check('SHA-256', announced, sha256)
  return {
    size,
    ...(sha256 !== undefined && { sha256 }),
    ...(sha256 === undefined && announced !== undefined && { announcedSha256: announced }),
    ...(detectedType !== undefined && { detectedType }),
  }
}

async function headObject({ s3 }: VerifyObjectDeps, { bucket, key }: PendingRecord): Promise<HeadObjectCommandOutput> {
  try {
    return await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key, ChecksumMode: 'ENABLED' }))
  } catch (cause) {
    if (!isMissing(cause)) throw cause
    throw new NotArrivedError('The file has not arrived: S3 has no object for it yet.', { cause })
  }
}

/** Reads the first bytes of the object that was verified. An object that replaced it in the meantime is not read. */
async function readHead(
  { plain }: VerifyObjectDeps,
  { bucket, key }: PendingRecord,
  size: number,
  etag: string | undefined,
): Promise<Buffer> {
  // An empty object has no range.
  if (size === 0) return Buffer.alloc(0)
  const command = new GetObjectCommand({
    Bucket: bucket,
    Key: key,
    ...(etag !== undefined && { IfMatch: etag }),
    Range: `bytes=0-${HEAD_BYTES - 1}`,
  })
  const { Body } = await plain.send(command).catch((cause: unknown) => {
    if (!isMissing(cause) && !isNamed(cause, 'PreconditionFailed')) throw cause
    // The owner has deleted it, or another upload has replaced it under a flat key.
    throw new NotArrivedError('The file was deleted or replaced while it was verified.', { cause })
  })
  if (!(Body instanceof Readable)) throw new TypeError('The S3 client returned no stream for the object.')
  return buffer(Body)
}

function check(what: string, reserved: string, arrived: string | undefined): void {
  if (reserved !== arrived) {
    throw new ArrivalRefusedError(
      `The ${what} of the file differs from the one that was announced. Nothing was stored. Start the upload again.`,
    )
  }
}

/**
 * Rejects headers that a client added to a presigned PUT. S3 of AWS rejects an `x-amz-` header that is not signed, but stores these
 * headers even if they are not signed. A Content-Encoding would change the download, and the others would change how it is shown.
 * `Cache-Control` and `Expires` are allowed: browsers add `Cache-Control: no-cache` to a PUT with `If-None-Match`, and a
 * download has its own `Cache-Control`.
 *
 * @throws ArrivalRefusedError
 */
function checkNothingAdded(found: HeadObjectCommandOutput, metadata: Readonly<Record<string, string>>): void {
  const added = {
    'Content-Encoding': isIdentity(found.ContentEncoding) ? undefined : found.ContentEncoding,
    'Content-Disposition': found.ContentDisposition,
    'Content-Language': found.ContentLanguage,
    'x-amz-website-redirect-location': found.WebsiteRedirectLocation,
    // Servers that do not verify signatures store added metadata.
    ...Object.fromEntries(
      Object.entries(found.Metadata ?? {})
        .filter(([name, value]) => metadata[name] !== value)
        .map(([name, value]) => [`x-amz-meta-${name}`, value]),
    ),
  }
  const [name] = Object.entries(added).find(([, value]) => value !== undefined) ?? []
  if (name === undefined) return
  const detail = `The file was sent with a header that was not granted: ${name}. Nothing was stored. Start the upload again without this header.`
  throw new ArrivalRefusedError(detail)
}

/** Returns the SHA-256 of the object. For a multipart upload S3 stores a digest of digests, which is not one of the object. */
function ownChecksum({ ChecksumSHA256, ChecksumType }: HeadObjectCommandOutput): string | undefined {
  if (ChecksumSHA256 === undefined || ChecksumType === 'COMPOSITE' || ChecksumSHA256.includes('-')) return undefined
  return Buffer.from(ChecksumSHA256, 'base64').toString('hex')
}

/** True if an object or a multipart upload does not exist. A 404 to HEAD has no body, so the SDK names it by the status. */
export function isMissing(error: unknown): boolean {
  return isNamed(error, 'NotFound', 'NoSuchKey', 'NoSuchUpload')
}

function isNamed(error: unknown, ...names: string[]): boolean {
  return error instanceof Error && names.includes(error.name)
}
