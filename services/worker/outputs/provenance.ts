import type { BareEvent, UploadEvent } from '../../uploads/events/event.ts'
import { isUploadEvent } from '../../uploads/events/event.ts'
import { expectedMediaType, mediaTypeOf } from '../../uploads/media-types/media-type-of.ts'
import {
  type ClientMetadata,
  MAX_OBJECT_METADATA_BYTES,
  sizeOfEntries,
  toObjectEntries,
} from '../../uploads/objects/client-metadata.ts'
import { fromObjectMetadata } from '../../uploads/objects/metadata.ts'
import type { ResultSource } from '../../uploads/objects/result-store.ts'
import type { TransformIdentity } from '../../uploads/records/record.ts'
import type { UploadKey } from '../../uploads/records/store.ts'
import { ObjectReplacedError } from '../errors.ts'
import type { RoutedUpload } from '../transforms/rules/match.ts'

/** What S3 says about the object of an upload, and its first bytes. */
export interface SourceAttributes {
  /** `HEAD_BYTES` bytes, or all of a shorter object. */
  head: Uint8Array
  contentType: string
  /** The encoding of the content, `gzip` for example. Undefined for plain content. */
  contentEncoding: string | undefined
  /** Bytes. */
  size: number
  /** Without quotes. */
  etag: string | undefined
  /** Undefined in a bucket without versioning. */
  versionId: string | undefined
  metadata: Record<string, string>
}

/** S3 takes 2 KB of metadata in all. */
const MAX_VALUE = 1_024

/** Limits of DynamoDB on the two parts of a key, in bytes. */
const MAX_OWNER_BYTES = 2_048
const MAX_UPLOAD_ID_BYTES = 1_024

/**
 * Returns the key of an upload, from its event or, for a bare event, from its object. Undefined if neither names an upload, or the key
 * does not fit into DynamoDB: then there is no record to mark.
 */
export function uploadKeyOf(
  event: UploadEvent | BareEvent,
  source?: Pick<SourceAttributes, 'metadata'>,
): UploadKey | undefined {
  const named = isUploadEvent(event)
    ? { owner: event.userSub, uploadId: event.uploadId }
    : fromObjectMetadata(source?.metadata)
  if (!named || !fits(named.owner, MAX_OWNER_BYTES) || !fits(named.uploadId, MAX_UPLOAD_ID_BYTES)) return undefined
  return { owner: named.owner, uploadId: named.uploadId }
}

/**
 * Checks that the object belongs to the upload that the event names. With a flat key template a later upload may have replaced the
 * object, or the event may be forged. The other upload has its own event.
 *
 * @throws ObjectReplacedError
 */
export function checkOwnObject(event: UploadEvent | BareEvent, source: Pick<SourceAttributes, 'metadata'>): void {
  const named = fromObjectMetadata(source.metadata)
  if (!named || !isUploadEvent(event)) return
  if (named.uploadId !== event.uploadId || named.owner !== event.userSub) {
    throw new ObjectReplacedError('The object under the key belongs to another upload.')
  }
}

/** Describes an opened object, for the choice of a rule and for the transform. */
export async function describeUpload(event: UploadEvent | BareEvent, source: SourceAttributes): Promise<RoutedUpload> {
  const { contentType, contentEncoding, size, head } = source
  const { key } = event
  const named = fromObjectMetadata(source.metadata) ?? (isUploadEvent(event) ? event : undefined)
  const name = { filename: named?.filename ?? key.slice(key.lastIndexOf('/') + 1), ...markOf(named) }
  const metadata = named?.metadata
  const found = await mediaTypeOf(head, { declared: contentType, filename: givenName(name) })
  return {
    contentType,
    ...found,
    ...(contentEncoding !== undefined && { contentEncoding }),
    ...name,
    ...(metadata && { metadata }),
    key,
    size,
  }
}

/** Describes an upload from its event, before the object is opened. Undefined for a bare event. */
export async function describeEvent(event: UploadEvent | BareEvent): Promise<RoutedUpload | undefined> {
  if (!isUploadEvent(event)) return undefined
  const { contentType, detectedType, filename, metadata, key, size } = event
  const name = { filename, ...markOf(event) }
  const found = await expectedMediaType(detectedType, { declared: contentType, filename: givenName(name) })
  return { contentType, ...found, ...name, ...(metadata && { metadata }), key, size }
}

type Named = Pick<RoutedUpload, 'filename' | 'filenameGenerated'>

function markOf(named: { filenameGenerated?: boolean | undefined } | undefined): Pick<Named, 'filenameGenerated'> {
  return named?.filenameGenerated ? { filenameGenerated: true } : {}
}

function givenName({ filename, filenameGenerated }: Named): string | undefined {
  return filenameGenerated ? undefined : filename
}

/** The source of an output, and the transform that wrote it. */
export interface Provenance {
  source: ResultSource
  uploadId: string | undefined
  transform: TransformIdentity
  /** What the client says about its file. */
  metadata?: ClientMetadata | undefined
}

/** Depends only on the event, the object and the transform, so that a second run writes the same. */
export function provenance(
  event: UploadEvent | BareEvent,
  source: SourceAttributes,
  { name, version }: TransformIdentity,
): Provenance {
  const named = fromObjectMetadata(source.metadata)
  // If the object belongs to another upload, the digest of the event is of other bytes.
  const own = isUploadEvent(event) && (named === undefined || named.uploadId === event.uploadId) ? event : undefined
  const { bucket, key } = event
  const { etag, versionId } = source
  return {
    // An announced digest is right as well, because no output is kept if the object has another one.
    source: { bucket, key, etag, versionId, sha256: own?.sha256 ?? own?.announcedSha256 },
    uploadId: named?.uploadId ?? own?.uploadId,
    transform: { name, version },
    ...(named?.metadata && { metadata: named.metadata }),
  }
}

/**
 * Returns the provenance as metadata of an object. Values that do not fit into a header are omitted. The source's key can be derived
 * from the object's own key.
 */
export function toMetadata({ source, uploadId, transform, metadata }: Provenance): Record<string, string> {
  const values = {
    'source-bucket': source.bucket,
    'source-key': encodeURIComponent(source.key).replaceAll('%2F', '/'),
    'source-etag': source.etag,
    'source-version': source.versionId,
    'source-sha256': source.sha256,
    'upload-id': uploadId,
    transform: transform.name,
    'transform-version': transform.version,
  }
  const own = Object.entries(values).filter((entry): entry is [string, string] => isHeader(entry[1]))
  const all = { ...Object.fromEntries(own), ...toObjectEntries(metadata) }
  // The longest value. It can be derived from the object's own key.
  if (sizeOfEntries(all) > MAX_OBJECT_METADATA_BYTES) delete all['source-key']
  return all
}

function isHeader(value: string | undefined): boolean {
  return value !== undefined && value.length <= MAX_VALUE && /^[\x21-\x7e]+$/.test(value)
}

function fits(part: string, maxBytes: number): boolean {
  return part.isWellFormed() && Buffer.byteLength(part) <= maxBytes
}
