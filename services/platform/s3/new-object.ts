import type { BodyPace } from './body-pace.ts'

/** What an object is to be, but for its bytes. */
export interface NewObject {
  key: string
  contentType: string
  contentEncoding?: string
  /** Header values: ASCII. */
  metadata: Readonly<Record<string, string>>
  /** Whom it is written for, where memory is shared by many. */
  whose?: string
  /** How fast its bytes come, where a client sends them. */
  pace?: BodyPace | undefined
  /** The most bytes that it can have, where that is known before they come. */
  maxBytes?: number | undefined
}

/** The headers that say it. */
export function objectHeaders({ contentType, contentEncoding, metadata }: NewObject): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': contentType }
  if (contentEncoding !== undefined) headers['content-encoding'] = contentEncoding
  for (const [name, value] of Object.entries(metadata)) headers[`x-amz-meta-${name}`] = value
  return headers
}

/** The same as the SDK's parameters. */
export function objectParams(bucket: string, { key, contentType, contentEncoding, metadata }: NewObject) {
  return {
    Bucket: bucket,
    Key: key,
    ContentType: contentType,
    ...(contentEncoding !== undefined && { ContentEncoding: contentEncoding }),
    Metadata: { ...metadata },
  }
}
