import {
  GetObjectCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  S3Client as S3,
  type S3Client,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { isOwnKey } from '../../uploads/objects/keys.ts'
import type { ObjectRef } from '../../uploads/records/record.ts'
import { attachment } from './content-disposition.ts'
import { ContentGoneError, ContentWithheldError } from './errors.ts'
import { servedType } from './served-type.ts'

export interface Download {
  object: ObjectRef
  uploadId: string
  /** What the file is to be saved as. */
  filename: string
  /** What the URL is asked with: S3 signs the method too. */
  method: 'GET' | 'HEAD'
}

/**
 * Gives an object out: resolves to a URL by which anybody can read it for a short while, so that it is a secret.
 *
 * Rejects with a ContentGoneError where it is not there, and a ContentWithheldError where it must not or cannot be given out.
 */
export type UrlOf = (download: Download) => Promise<string>

export interface DownloadSettings {
  s3: S3Client
  /** Where clients reach S3, where that is not where the api does. */
  publicEndpoint?: string | undefined
  /** Seconds for which a URL is good to begin a download with. */
  expiresIn?: number
}

export function createUrlOf({ s3, publicEndpoint, expiresIn = 60 }: DownloadSettings): UrlOf {
  const signer = publicEndpoint === undefined ? s3 : at(s3, publicEndpoint)

  return async ({ object: { bucket, key }, uploadId, filename, method }) => {
    const object = { Bucket: bucket, Key: key }
    const found = await s3.send(new HeadObjectCommand(object)).catch((error: unknown) => Promise.reject(asGone(error)))
    checkArchive(found)
    const params = {
      ...object,
      ...(isOwnKey({ key, uploadId }) ? {} : { VersionId: ownVersion(found, uploadId) }),
      ResponseContentDisposition: attachment(filename),
      ResponseContentType: servedType(found.ContentType),
      ResponseCacheControl: 'private, no-store',
    }
    const command = method === 'HEAD' ? new HeadObjectCommand(params) : new GetObjectCommand(params)
    return getSignedUrl(signer, command, { expiresIn })
  }
}

/**
 * The version that is this upload's, where its key is not its alone. Without versions the URL would give out whatever lies there
 * by the time it is used, which may be another owner's.
 */
function ownVersion({ Metadata, VersionId }: HeadObjectCommandOutput, uploadId: string): string {
  if (Metadata?.['upload-id'] !== uploadId)
    throw new ContentGoneError('Another upload of the same name has replaced it.')
  if (VersionId === undefined || VersionId === 'null') {
    throw new ContentWithheldError(
      'Uploads of the same name share a place here, and the bucket has no versions: it cannot be given out.',
    )
  }
  return VersionId
}

/** @throws ContentWithheldError where S3 gives the object out only after a restore */
function checkArchive({ StorageClass, Restore }: HeadObjectCommandOutput): void {
  const isArchived = StorageClass === 'GLACIER' || StorageClass === 'DEEP_ARCHIVE'
  if (isArchived && !Restore?.includes('ongoing-request="false"')) {
    throw new ContentWithheldError('It is archived, and must be restored before it can be given out.')
  }
}

function asGone(error: unknown): unknown {
  const isGone = error instanceof Error && ['NotFound', 'NoSuchKey'].includes(error.name)
  return isGone ? new ContentGoneError('It is not stored any more.', { cause: error }) : error
}

/** A client that only signs, for another address. Its credentials are the other's, so that they are refreshed once. */
function at({ config }: S3Client, endpoint: string): S3Client {
  const { region, credentials, forcePathStyle } = config
  return new S3({ region, credentials, endpoint, ...(forcePathStyle !== undefined && { forcePathStyle }) })
}
