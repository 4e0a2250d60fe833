import { checksumHeaders } from './checksums.ts'
import type { ObjectHeaders, StoredObject } from './index-db.ts'
import { headerOf, type S3Request } from './request.ts'

const STORED = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
  'x-amz-website-redirect-location',
]

/** The response headers that a request for an object can replace, by parameters such as `response-content-type`. */
const REPLACEABLE = STORED.filter(name => !name.startsWith('x-amz-'))

/** Returns the headers of a request that S3 stores with the object. */
export function headersToStore(request: S3Request): ObjectHeaders {
  const stored: Record<string, string> = { 'content-type': 'binary/octet-stream' }
  for (const name of Object.keys(request.raw.headers)) {
    const value = headerOf(request, name)
    if (value === undefined || value === '') continue
    if (STORED.includes(name) || name.startsWith('x-amz-meta-')) stored[name] = value
  }
  // aws-chunked is how the request is sent, and no property of the object.
  const encodings = stored['content-encoding']?.split(',').filter(one => one.trim() !== 'aws-chunked')
  delete stored['content-encoding']
  if (encodings?.length) stored['content-encoding'] = encodings.map(one => one.trim()).join(',')
  return stored
}

/** Returns the headers of the response for a whole object, without those that depend on the range. */
export function headersToSend(request: S3Request, object: StoredObject): Record<string, string> {
  const replaced: Record<string, string> = {}
  for (const name of REPLACEABLE) {
    const value = request.query.get(`response-${name}`)
    if (value !== null) replaced[name] = value
  }
  return {
    ...object.headers,
    ...replaced,
    etag: object.etag,
    'last-modified': object.modified.toUTCString(),
    'accept-ranges': 'bytes',
  }
}

/** Returns the headers of the checksum, which S3 sends only to clients that ask for it. */
export function checksumToSend(request: S3Request, object: Pick<StoredObject, 'checksum'>): Record<string, string> {
  return headerOf(request, 'x-amz-checksum-mode')?.toUpperCase() === 'ENABLED' ? checksumHeaders(object.checksum) : {}
}
