import { Readable } from 'node:stream'
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { HEAD_BYTES } from '../../uploads/media-types/detect-type.ts'
import { headOf, readHead } from '../../uploads/media-types/read-head.ts'
import { readError } from './failure.ts'

/** An upload's object, opened. Whoever opened it destroys the body, read or not: it holds a connection. */
export interface SourceObject {
  /** To be destroyed. The bytes are in `content`. */
  body: Readable
  /** The first bytes: `HEAD_BYTES` of them, or all of a shorter object. */
  head: Uint8Array
  /** All bytes, to be read once. */
  content: AsyncIterable<Uint8Array>
  contentType: string
  /** What the content is encoded in besides, `gzip` for instance. Undefined for plain content. */
  contentEncoding: string | undefined
  /** Bytes. */
  size: number
  /** Without its quotes. */
  etag: string | undefined
  /** In a bucket with versions. */
  versionId: string | undefined
  metadata: Record<string, string>
}

/**
 * Opens an object for reading.
 *
 * @param signal ends the request and, later, the body
 * @throws ObjectMissingError, ObjectArchivedError, UnusableKeyError, and whatever else S3 says as it said it
 */
export async function openSource(
  s3: S3Client,
  { bucket, key }: { bucket: string; key: string },
  signal: AbortSignal,
): Promise<SourceObject> {
  const reply = await s3
    .send(new GetObjectCommand({ Bucket: bucket, Key: key }), { abortSignal: signal })
    .catch((error: unknown) => Promise.reject(readError(error, key)))
  if (!(reply.Body instanceof Readable)) throw new TypeError('The S3 client gave no stream for the object.')
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

/** Reads the beginning of a body, and gives it back in front of the rest. */
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
  // Reading the body throws the error. This listener is for the moments when nobody reads: an abort must not end the process.
}

/** `aws-chunked` is how the bytes travelled, not how they lie: some stores keep it by mistake. */
function contentEncoding(header: string | undefined): string | undefined {
  const codings = (printable(header) ?? '').split(',').map(coding => coding.trim().toLowerCase())
  const lasting = codings.filter(coding => !['', 'identity', 'aws-chunked'].includes(coding))
  return lasting.length > 0 ? lasting.join(', ') : undefined
}

/** A header of one object that is to be a header of another, if it can be one. */
function printable(header: string | undefined): string | undefined {
  return header !== undefined && /^[\x20-\x7e]+$/.test(header) ? header : undefined
}
