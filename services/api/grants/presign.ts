import { PutObjectCommand, type S3Client, UploadPartCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { isOwnKey } from '../../uploads/objects/keys.ts'
import { toObjectMetadata } from '../../uploads/objects/metadata.ts'
import type { PartsArrival, PendingRecord } from '../../uploads/pending/pending.ts'
import type { PlannedPart } from './plan.ts'

/** A request to S3 that needs no credentials. */
export interface PresignedRequest {
  url: string
  /** The client must send these headers unchanged, because they are signed. */
  headers: Record<string, string>
}

/**
 * Signs a PUT of exactly this size, type and digest, to a key that has no object yet.
 *
 * @param signer a client for the endpoint that clients use, without the SDK's checksums: see `plainS3`
 */
export async function presignPut(signer: S3Client, upload: PendingRecord, seconds: number): Promise<PresignedRequest> {
  const { bucket, key, size, contentType, sha256 } = upload
  const checksum = sha256 === undefined ? undefined : Buffer.from(sha256, 'hex').toString('base64')
  const metadata = toObjectMetadata(upload)
  const headers: Record<string, string> = {
    'content-type': contentType,
    'content-length': String(size),
    ...Object.fromEntries(Object.entries(metadata).map(([name, value]) => [`x-amz-meta-${name}`, value])),
    // The object can be written only once, so that nobody can use the URL to replace an object that was verified.
    ...(isOwnKey(upload) && { 'if-none-match': '*' }),
    ...(checksum !== undefined && { 'x-amz-checksum-sha256': checksum }),
  }
  const command = new PutObjectCommand({
    Bucket: bucket,
    Key: key,
    ContentType: contentType,
    ContentLength: size,
    Metadata: metadata,
    ...(isOwnKey(upload) && { IfNoneMatch: '*' }),
    ...(checksum !== undefined && { ChecksumSHA256: checksum }),
  })
  return { url: await sign(signer, command, headers, seconds), headers }
}

/** Signs a PUT of one part of exactly this size. */
export async function presignPart(
  signer: S3Client,
  { bucket, key, arrival }: PendingRecord<PartsArrival>,
  { partNumber, size }: PlannedPart,
  seconds: number,
): Promise<PresignedRequest> {
  const headers = { 'content-length': String(size) }
  const command = new UploadPartCommand({
    Bucket: bucket,
    Key: key,
    UploadId: arrival.multipartId,
    PartNumber: partNumber,
    ContentLength: size,
  })
  return { url: await sign(signer, command, headers, seconds), headers }
}

/**
 * Signs every header that describes the body. By default the SDK leaves the content type unsigned and moves the other headers into
 * the query, where S3 does not compare the body with them.
 */
function sign(
  signer: S3Client,
  command: PutObjectCommand | UploadPartCommand,
  headers: Readonly<Record<string, string>>,
  expiresIn: number,
): Promise<string> {
  const names = Object.keys(headers)
  return getSignedUrl(signer, command as PutObjectCommand, {
    expiresIn,
    signableHeaders: new Set(['host', ...names]),
    unhoistableHeaders: new Set(names),
  })
}
