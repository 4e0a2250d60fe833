import { PutObjectCommand, type S3Client, UploadPartCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { isOwnKey } from '../../uploads/objects/keys.ts'
import { toObjectMetadata } from '../../uploads/objects/metadata.ts'
import type { PartsArrival, PendingRecord } from '../../uploads/pending/pending.ts'
import { plainS3 } from '../pending/plain-s3.ts'
import type { PlannedPart } from './plan.ts'

/** A request to S3 that needs no credentials of its own. */
export interface PresignedRequest {
  url: string
  /** To be sent as they are: the signature holds for them alone. */
  headers: Record<string, string>
}

export interface Presigner {
  /** One PUT of exactly this size, type and digest, to a key that has no object yet. */
  put(promised: PendingRecord, seconds: number): Promise<PresignedRequest>
  /** One PUT of a part of exactly this size. */
  part(promised: PendingRecord<PartsArrival>, part: PlannedPart, seconds: number): Promise<PresignedRequest>
}

/**
 * Signs every header that says what is sent. The SDK leaves the content type unsigned and moves the others into the query,
 * where S3 does not hold the body to them.
 *
 * @param publicEndpoint where clients reach S3, where that is not where the api does
 */
export function createPresigner(s3: S3Client, publicEndpoint?: string): Presigner {
  const signer = plainS3(s3, publicEndpoint)

  return {
    async put(promised, seconds) {
      const { bucket, key, size, contentType, sha256 } = promised
      const checksum = sha256 === undefined ? undefined : Buffer.from(sha256, 'hex').toString('base64')
      const metadata = Object.entries(toObjectMetadata(promised)).map(([name, value]) => [`x-amz-meta-${name}`, value])
      const headers: Record<string, string> = {
        'content-type': contentType,
        'content-length': String(size),
        ...Object.fromEntries(metadata),
        // Written once: whoever has the URL must not change what was checked.
        ...(isOwnKey(promised) && { 'if-none-match': '*' }),
        ...(checksum !== undefined && { 'x-amz-checksum-sha256': checksum }),
      }
      const command = new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        ContentType: contentType,
        ContentLength: size,
        Metadata: toObjectMetadata(promised),
        ...(isOwnKey(promised) && { IfNoneMatch: '*' }),
        ...(checksum !== undefined && { ChecksumSHA256: checksum }),
      })
      return { url: await sign(command, headers, seconds), headers }
    },

    async part({ bucket, key, arrival }, { partNumber, size }, seconds) {
      const headers = { 'content-length': String(size) }
      const command = new UploadPartCommand({
        Bucket: bucket,
        Key: key,
        UploadId: arrival.multipartId,
        PartNumber: partNumber,
        ContentLength: size,
      })
      return { url: await sign(command, headers, seconds), headers }
    },
  }

  function sign(
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
}
