import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { GetObjectCommand, HeadObjectCommand, type HeadObjectCommandOutput, type S3Client } from '@aws-sdk/client-s3'
import { currentDeadline } from '../../platform/deadline.ts'
import { HEAD_BYTES } from '../../uploads/media-types/detect-type.ts'
import { fromObjectMetadata, toObjectMetadata } from '../../uploads/objects/metadata.ts'
import type { PendingRecord } from '../../uploads/pending/pending.ts'
import { isIdentity } from '../body-formats/body-headers.ts'
import type { TypeInspector } from '../content/inspect-type.ts'
import { ArrivalRefusedError, NotArrivedError } from './errors.ts'
import { plainS3 } from './plain-s3.ts'

export interface ArrivedObjectSettings {
  s3: S3Client
  /**
   * Whether S3 has compared the SHA-256 that it keeps with the bytes. S3 of AWS has; some that speak its protocol keep what a
   * client says.
   */
  trustChecksums: boolean
  inspector: Pick<TypeInspector, 'whole'>
}

/** What S3 has, once it is known to be what was promised. */
export interface Arrived {
  /** Bytes. */
  size: number
  /** Lower-case hex. */
  sha256: string
  /** The type that the first bytes show, where they show one. */
  detectedType?: string
}

/**
 * Holds an object to what was promised of it, by what S3 says and never by what the client says, and to what files of its type
 * begin with, as the other ways do. Finds its digest: the SHA-256 that S3 has computed over the whole object, else by reading
 * the object once.
 *
 * @throws NotArrivedError where there is no object, ArrivalRefusedError where it is another than was promised, ProblemError
 * where its type is not taken
 */
export function createArrivedObject({ s3, trustChecksums, inspector }: ArrivedObjectSettings) {
  const plain = plainS3(s3)

  async function head({ bucket, key }: PendingRecord): Promise<HeadObjectCommandOutput> {
    try {
      return await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key, ChecksumMode: 'ENABLED' }))
    } catch (cause) {
      if (!isMissing(cause)) throw cause
      throw new NotArrivedError('The file has not arrived: S3 has nothing of it yet.', { cause })
    }
  }

  /** The same bytes that were looked at: an object that was replaced in the meantime is not read. */
  async function read({ bucket, key }: PendingRecord, etag: string | undefined, Range?: string): Promise<Readable> {
    const ifMatch = etag === undefined ? {} : { IfMatch: etag }
    const command = new GetObjectCommand({
      Bucket: bucket,
      Key: key,
      ...ifMatch,
      ...(Range !== undefined && { Range }),
    })
    const { Body } = await plain.send(command).catch((cause: unknown) => {
      if (!isMissing(cause) && !isNamed(cause, 'PreconditionFailed')) throw cause
      // Deleted by its owner, or under a flat key written anew by somebody else.
      throw new NotArrivedError('The file was taken away or replaced while it was looked at.', { cause })
    })
    if (!(Body instanceof Readable)) throw new TypeError('The S3 client gave no stream for the object.')
    return Body
  }

  async function readDigest(promised: PendingRecord, etag: string | undefined): Promise<string> {
    const hash = createHash('sha256')
    for await (const chunk of await read(promised, etag)) {
      hash.update(chunk)
      currentDeadline()?.progress()
    }
    return hash.digest('hex')
  }

  /** @throws ProblemError */
  async function inspect(promised: PendingRecord, size: number, etag: string | undefined): Promise<string | undefined> {
    // Of no bytes there is no range.
    const head = size === 0 ? Buffer.alloc(0) : await buffer(await read(promised, etag, `bytes=0-${HEAD_BYTES - 1}`))
    return (await inspector.whole(head, promised.contentType)).detectedType()
  }

  return async (promised: PendingRecord, known?: { sha256: string }): Promise<Arrived> => {
    const found = await head(promised)
    const size = found.ContentLength ?? 0
    check('size', `${promised.size} bytes`, `${size} bytes`)
    check('content type', promised.contentType, found.ContentType)
    const told = fromObjectMetadata(found.Metadata)
    check('upload', `${promised.owner} ${promised.uploadId}`, `${told?.owner} ${told?.uploadId}`)
    checkNothingAdded(found, toObjectMetadata(promised))
    const detectedType = await inspect(promised, size, found.ETag)
    const sha256 = known?.sha256 ?? (trustChecksums ? ownChecksum(found) : undefined)
    const digest = sha256 ?? (await readDigest(promised, found.ETag))
    check('SHA-256', promised.sha256 ?? digest, digest)
    return { size, sha256: digest, ...(detectedType !== undefined && { detectedType }) }
  }
}

export type ArrivedObject = ReturnType<typeof createArrivedObject>

function check(what: string, promised: string, arrived: string | undefined): void {
  if (promised !== arrived) {
    throw new ArrivalRefusedError(
      `The ${what} is not the one that was promised. Nothing was stored. Start the upload again.`,
    )
  }
}

/**
 * Refuses what a client has added to a presigned PUT. S3 of AWS refuses an `x-amz-` header that is not signed, and stores these
 * headers whether they are signed or not. An encoding would change what is downloaded, and the others how it is shown.
 * `Cache-Control` and `Expires` pass: browsers add `Cache-Control: no-cache` to a PUT with `If-None-Match`, and a
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
    // Where S3 looks at no signature.
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

/** Of a multipart upload S3 keeps the SHA-256 of its parts' SHA-256s: that is no digest of the object. */
function ownChecksum({ ChecksumSHA256, ChecksumType }: HeadObjectCommandOutput): string | undefined {
  if (ChecksumSHA256 === undefined || ChecksumType === 'COMPOSITE' || ChecksumSHA256.includes('-')) return undefined
  return Buffer.from(ChecksumSHA256, 'base64').toString('hex')
}

/** A 404 to HEAD has no body, so that the SDK has only the status to go by. */
export function isMissing(error: unknown): boolean {
  return isNamed(error, 'NotFound', 'NoSuchKey', 'NoSuchUpload')
}

function isNamed(error: unknown, ...names: string[]): boolean {
  return error instanceof Error && names.includes(error.name)
}
