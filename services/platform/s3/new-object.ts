import { escapeUri } from '../direct/sigv4.ts'
import type { BodyPace } from './body-pace.ts'

/** The key, headers and limits of an object that is about to be written. */
export interface NewObject {
  key: string
  contentType: string
  contentEncoding?: string
  /** User metadata. The values are sent as headers and must be ASCII. */
  metadata: Readonly<Record<string, string>>
  /** The owner whose share of the shared memory is used. Unset: no share is charged. */
  owner?: string
  /** The pace of the client that sends the bytes. Unset: the bytes do not come from a client. */
  pace?: BodyPace | undefined
  /** Maximum size in bytes, if it is known before the bytes arrive. */
  maxBytes?: number | undefined
}

/** Returns the headers of a direct request that writes the object. */
export function objectHeaders({ contentType, contentEncoding, metadata }: NewObject): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': contentType }
  if (contentEncoding !== undefined) headers['content-encoding'] = contentEncoding
  for (const [name, value] of Object.entries(metadata)) headers[`x-amz-meta-${name}`] = value
  return headers
}

/** Returns the SDK parameters for the same object. */
export function objectParams(bucket: string, { key, contentType, contentEncoding, metadata }: NewObject) {
  return {
    Bucket: bucket,
    Key: key,
    ContentType: contentType,
    ContentEncoding: contentEncoding,
    Metadata: { ...metadata },
  }
}

/** Returns the path of a direct request for the key. Everything except slashes is escaped. */
export function objectPath(key: string): string {
  return `/${escapeUri(key).replaceAll('%2F', '/')}`
}
