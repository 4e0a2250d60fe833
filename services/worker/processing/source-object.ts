import { Readable } from 'node:stream'
import { GetObjectCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { HEAD_BYTES } from '../../uploads/media-types/detect-type.ts'
import { headOf, readHead } from '../../uploads/media-types/read-head.ts'
import { processedKey } from '../../uploads/objects/keys.ts'
import type { ObjectRef } from '../../uploads/records/record.ts'
import { ForeignBucketError, ObjectArchivedError, ObjectMissingError, UnusableKeyError } from '../errors.ts'
import { type SourceAttributes, uploadKeyOf } from '../outputs/provenance.ts'

/** Maximum length of an S3 key, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1_024

/** An upload's object, opened for reading. The caller destroys `body`, read or not, because the body holds a connection. */
export interface SourceObject extends SourceAttributes {
  /** Only to be destroyed. Read the bytes from `content`. */
  body: Readable
  /** All bytes. Can be read once. */
  content: AsyncIterable<Uint8Array>
}

/**
 * Checks the object that an event names, before anything is read. Everybody who can write to the stream can choose the object, so it
 * must be in the bucket of uploads and have a key that means the same to every program.
 *
 * @throws ForeignBucketError, UnusableKeyError
 */
export function checkObject({ bucket, key }: ObjectRef, uploadBucket: string): void {
  if (bucket !== uploadBucket) throw new ForeignBucketError('The event names a bucket that is not UPLOAD_BUCKET.')
  if (!key.isWellFormed()) throw new UnusableKeyError('The key is not well-formed Unicode.')
  // S3 takes "." and ".." as names. A proxy or client that normalizes URLs would turn them into another key or bucket.
  if (key.split('/').some(part => part === '.' || part === '..')) {
    throw new UnusableKeyError('The key has a segment that is "." or "..".')
  }
  if (Buffer.byteLength(processedKey(key)) > MAX_KEY_BYTES) {
    throw new UnusableKeyError('The key is too long: the key of the processed object would exceed the limit of S3.')
  }
}

/**
 * Opens an object for reading.
 *
 * @param signal ends the request and, later, the body
 * @throws ObjectMissingError, ObjectArchivedError, UnusableKeyError, and other errors of S3 unchanged
 */
export async function openSource(s3: S3Client, { bucket, key }: ObjectRef, signal: AbortSignal): Promise<SourceObject> {
  const reply = await s3
    .send(new GetObjectCommand({ Bucket: bucket, Key: key }), { abortSignal: signal })
    .catch((error: unknown) => Promise.reject(readError(error, key)))
  if (!(reply.Body instanceof Readable)) throw new TypeError('The S3 client returned no stream for the object.')
  reply.Body.on('error', leaveToReader)
  return {
    ...(await lookInto(reply.Body)),
    contentType: printable(reply.ContentType) ?? 'application/octet-stream',
    contentEncoding: contentEncoding(reply.ContentEncoding),
    size: reply.ContentLength ?? 0,
    etag: reply.ETag?.replaceAll('"', ''),
    versionId: reply.VersionId === 'null' ? undefined : reply.VersionId,
    metadata: reply.Metadata ?? {},
  }
}

/**
 * Returns the upload that the metadata of an object names, without reading its bytes. Undefined if it names none, or there is no object.
 *
 * @throws errors of S3
 */
export async function findUploadOf(s3: S3Client, { bucket, key }: ObjectRef, signal: AbortSignal) {
  try {
    const command = new HeadObjectCommand({ Bucket: bucket, Key: key })
    const { Metadata } = await s3.send(command, { abortSignal: signal })
    return uploadKeyOf({ bucket, key }, { metadata: Metadata ?? {} })
  } catch (error) {
    // A 404 to HEAD has no body, so the SDK names it by the status.
    if (error instanceof Error && ['NotFound', 'NoSuchKey'].includes(error.name)) return undefined
    throw error
  }
}

/**
 * Reads all bytes of an opened object a second time.
 *
 * @throws errors of S3, also if the object was replaced in the meantime
 */
export async function* readSourceAgain(
  s3: S3Client,
  { bucket, key }: ObjectRef,
  { source, signal }: { source: Pick<SourceObject, 'etag'>; signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  const command = new GetObjectCommand({
    Bucket: bucket,
    Key: key,
    ...(source.etag !== undefined && { IfMatch: source.etag }),
  })
  const { Body } = await s3
    .send(command, { abortSignal: signal })
    .catch((error: unknown) => Promise.reject(readError(error, key)))
  if (!(Body instanceof Readable)) throw new TypeError('The S3 client returned no stream for the object.')
  Body.on('error', leaveToReader)
  try {
    yield* Body
  } finally {
    Body.destroy()
  }
}

/** Reads the first bytes of a body, and returns all of its bytes as an iterable. */
async function lookInto(body: Readable): Promise<Pick<SourceObject, 'body' | 'head' | 'content'>> {
  const source: AsyncIterator<Uint8Array> = body[Symbol.asyncIterator]()
  try {
    const { chunks, done } = await readHead(source, HEAD_BYTES)
    return { body, head: headOf(chunks, HEAD_BYTES), content: done ? eachOf(chunks) : joined(chunks, source) }
  } catch (error) {
    body.destroy()
    throw error
  }
}

async function* eachOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}

async function* joined(chunks: readonly Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks
  yield* { [Symbol.asyncIterator]: () => rest }
}

function leaveToReader(): void {
  // Reading the body throws the error. Without this listener an error while nothing reads would end the process.
}

/** `aws-chunked` is an encoding of the transfer, not of the content. Some stores keep it by mistake. */
function contentEncoding(header: string | undefined): string | undefined {
  const codings = (printable(header) ?? '').split(',').map(coding => coding.trim().toLowerCase())
  const lasting = codings.filter(coding => !['', 'identity', 'aws-chunked'].includes(coding))
  return lasting.length > 0 ? lasting.join(', ') : undefined
}

/** Returns a header if it can also be a header of another object. */
function printable(header: string | undefined): string | undefined {
  return header !== undefined && /^[\x20-\x7e]+$/.test(header) ? header : undefined
}

/** Returns the permanent error that a reply of S3 means, or the error itself. */
export function readError(error: unknown, key: string): unknown {
  switch (error instanceof Error ? error.name : undefined) {
    case 'NoSuchKey':
    case 'NotFound':
      return new ObjectMissingError(`There is no object under the key "${key}".`, { cause: error })
    case 'InvalidObjectState':
      return new ObjectArchivedError('The object is archived and must be restored before it can be processed.', {
        cause: error,
      })
    case 'KeyTooLongError':
    case 'InvalidURI':
      return new UnusableKeyError('S3 does not accept the key of the object.', { cause: error })
    default:
      return error
  }
}
