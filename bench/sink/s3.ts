import type { IncomingHttpHeaders } from 'node:http'
import { text } from 'node:stream/consumers'
import { type SinkCounts, type SinkReply, unknownRequest } from './counts.ts'
import { exampleUpload } from './example.ts'

export interface S3Request {
  method: string
  /** With the query. */
  url: string
  headers: IncomingHttpHeaders
  body: AsyncIterable<Uint8Array>
}

interface StoredObject {
  size: number
  /** The content type and metadata. */
  headers: Record<string, string>
  /** The content of a small object; empty for others. */
  bytes: string
}

/** The sizes of a multipart upload's parts, by part number. */
type Parts = Map<number, number>

/** Larger objects cannot be read back. */
const KEPT_BYTES = 16 * 1024
/** The oldest objects are dropped first, because nobody reads them. */
const KEPT_OBJECTS = 256

/**
 * Creates an S3 that stores names and sizes. It counts the bytes and discards them, except for small objects, because
 * some programs read their own small objects back.
 */
export function createS3(counts: SinkCounts): (request: S3Request) => Promise<SinkReply> {
  const objects = new Map<string, StoredObject>()
  const uploads = new Map<string, { headers: Record<string, string>; parts: Parts }>()
  let uploadCount = 0

  function keep(path: string, object: StoredObject): void {
    const [oldest] = objects.keys()
    if (objects.size >= KEPT_OBJECTS && oldest !== undefined) objects.delete(oldest)
    objects.set(path, object)
  }

  async function putObject(path: string, request: S3Request): Promise<SinkReply> {
    const { size, bytes } = await drain(request)
    counts.objects++
    counts.objectBytes += size
    keep(path, { size, bytes, headers: describing(request.headers) })
    return { status: 200, headers: { etag: ETAG }, body: '' }
  }

  function assemble(path: string, id: string, order: string): SinkReply {
    const upload = uploads.get(id)
    const sizes = [...order.matchAll(/<PartNumber>(\d+)<\/PartNumber>/g)].map(([, n]) => upload?.parts.get(Number(n)))
    if (!upload || sizes.length === 0) return failure(404, 'NoSuchUpload')
    const size = sizes.reduce<number>((sum, part) => sum + (part ?? Number.NaN), 0)
    if (Number.isNaN(size)) return failure(400, 'InvalidPart')
    uploads.delete(id)
    counts.assembled++
    counts.assembledBytes += size
    keep(path, { size, bytes: '', headers: upload.headers })
    return xml('CompleteMultipartUploadResult', `<ETag>${ETAG}</ETag>`)
  }

  function readObject(method: string, path: string): SinkReply {
    if (method === 'GET') counts.reads++
    const found = objects.get(path)
    if (!found) return exampleUpload(path) ?? failure(404, 'NoSuchKey')
    const size = String(method === 'HEAD' ? found.size : Buffer.byteLength(found.bytes))
    return { status: 200, headers: { ...found.headers, etag: ETAG, 'content-length': size }, body: found.bytes }
  }

  return async request => {
    const { method, url, headers, body } = request
    const { pathname, searchParams: query } = new URL(url, 'http://sink')
    const id = query.get('uploadId') ?? ''
    const upload = uploads.get(id)
    // True for an object, `/bucket/key`, and false for a bucket.
    const isObject = /^\/[^/]+\/./.test(pathname)
    if (isObject && method === 'PUT') {
      if (!query.has('partNumber')) return putObject(pathname, request)
      const { size } = await drain(request)
      upload?.parts.set(Number(query.get('partNumber')), size)
      return upload ? { status: 200, headers: { etag: ETAG }, body: '' } : failure(404, 'NoSuchUpload')
    }
    if (isObject && method === 'POST' && query.has('uploads')) {
      const UploadId = `upload-${++uploadCount}`
      uploads.set(UploadId, { headers: describing(headers), parts: new Map() })
      return xml('InitiateMultipartUploadResult', `<UploadId>${UploadId}</UploadId>`)
    }
    if (isObject && method === 'POST' && query.has('uploadId')) return assemble(pathname, id, await text(body))
    if (isObject && method === 'GET' && query.has('uploadId')) {
      return upload ? xml('ListPartsResult', listed(upload.parts)) : failure(404, 'NoSuchUpload')
    }
    if (isObject && (method === 'GET' || method === 'HEAD')) return readObject(method, pathname)
    // HeadBucket.
    if (method === 'HEAD') return { status: 200, headers: {}, body: '' }
    return unknownRequest(counts, `${method} ${url}`)
  }
}

const ETAG = '"0123456789abcdef0123456789abcdef"'

/**
 * If a body is chunked with a checksum, a header has the size of its content. A checksum in a trailer makes the SDK
 * send the body that way.
 */
async function drain({ headers, body }: S3Request): Promise<{ size: number; bytes: string }> {
  const kept: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.byteLength
    if (size <= KEPT_BYTES) kept.push(chunk)
  }
  const decoded = headers['x-amz-decoded-content-length']
  if (decoded !== undefined) return { size: Number(decoded), bytes: '' }
  return { size, bytes: size <= KEPT_BYTES ? Buffer.concat(kept).toString() : '' }
}

function describing(headers: IncomingHttpHeaders): Record<string, string> {
  const own = Object.entries(headers).filter(([name]) => name === 'content-type' || name.startsWith('x-amz-meta-'))
  return Object.fromEntries(own.map(([name, value]) => [name, String(value)]))
}

function listed(parts: Parts): string {
  return [...parts]
    .map(([n, size]) => `<Part><PartNumber>${n}</PartNumber><ETag>${ETAG}</ETag><Size>${size}</Size></Part>`)
    .join('')
}

function xml(name: string, content: string): SinkReply {
  return { status: 200, headers: { 'content-type': 'application/xml' }, body: `<${name}>${content}</${name}>` }
}

function failure(status: number, code: string): SinkReply {
  return { status, headers: { 'content-type': 'application/xml' }, body: `<Error><Code>${code}</Code></Error>` }
}
