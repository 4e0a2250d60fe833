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
  /** The name under which the client saves the file. */
  filename: string
  /** The method of the client's request. S3 signs the method too. */
  method: 'GET' | 'HEAD'
}

export interface DownloadUrl {
  url: string
  expiresAt: Date
  /** The content type of the response, and not always that of the object. */
  contentType: string
  /** bytes */
  size: number
}

export interface DownloadUrlDeps {
  s3: S3Client
  /** Signs the URLs: see `signerFor`. */
  signer: S3Client
}

/** How long a URL is valid for the start of a download, in seconds. */
const EXPIRES_IN = 60

/**
 * Returns a URL from which anybody can read an object for one minute. The URL is a secret.
 *
 * @throws ContentGoneError if the object does not exist
 * @throws ContentWithheldError if the object may not or can't be downloaded
 */
export async function downloadUrl(
  { s3, signer }: DownloadUrlDeps,
  { object: { bucket, key }, uploadId, filename, method }: Download,
): Promise<DownloadUrl> {
  const object = { Bucket: bucket, Key: key }
  const found = await s3
    .send(new HeadObjectCommand(object))
    .catch((error: unknown) => Promise.reject(toContentGone(error)))
  checkArchive(found)
  const contentType = servedType(found.ContentType)
  const params = {
    ...object,
    ...(!isOwnKey({ key, uploadId }) && { VersionId: ownVersion(found, uploadId) }),
    ResponseContentDisposition: attachment(filename),
    ResponseContentType: contentType,
    ResponseCacheControl: 'private, no-store',
  }
  const command = method === 'HEAD' ? new HeadObjectCommand(params) : new GetObjectCommand(params)
  // A signature has whole seconds.
  const signingDate = new Date(Math.floor(Date.now() / 1_000) * 1_000)
  return {
    url: await getSignedUrl(signer, command, { expiresIn: EXPIRES_IN, signingDate }),
    expiresAt: new Date(signingDate.getTime() + EXPIRES_IN * 1_000),
    contentType,
    size: found.ContentLength ?? 0,
  }
}

/**
 * Returns a client that signs URLs for the endpoint by which clients reach S3. It uses the credentials of the given client, so that they
 * are refreshed only once.
 *
 * @param publicEndpoint the endpoint for clients, if it differs from the api's
 */
export function signerFor(s3: S3Client, publicEndpoint: string | undefined): S3Client {
  if (publicEndpoint === undefined) return s3
  const { region, credentials, forcePathStyle } = s3.config
  return new S3({
    region,
    credentials,
    endpoint: publicEndpoint,
    ...(forcePathStyle !== undefined && { forcePathStyle }),
  })
}

/**
 * Returns the version of this upload's object under a key that several uploads share. Without versions the URL would return the object
 * that has the key when the URL is used, which may belong to another owner.
 */
function ownVersion({ Metadata, VersionId }: HeadObjectCommandOutput, uploadId: string): string {
  if (Metadata?.['upload-id'] !== uploadId)
    throw new ContentGoneError('Another upload with the same name has replaced the file.')
  if (VersionId === undefined || VersionId === 'null') {
    throw new ContentWithheldError(
      'Uploads with the same name share a key in this deployment, and the bucket has no versioning, so the file cannot be downloaded.',
    )
  }
  return VersionId
}

/** @throws ContentWithheldError if the object must be restored from an archive first */
function checkArchive({ StorageClass, Restore }: HeadObjectCommandOutput): void {
  const isArchived = StorageClass === 'GLACIER' || StorageClass === 'DEEP_ARCHIVE'
  if (isArchived && !Restore?.includes('ongoing-request="false"')) {
    throw new ContentWithheldError('The file is archived. It must be restored before it can be downloaded.')
  }
}

function toContentGone(error: unknown): unknown {
  const isGone = error instanceof Error && ['NotFound', 'NoSuchKey'].includes(error.name)
  return isGone ? new ContentGoneError('The file is no longer stored.', { cause: error }) : error
}
