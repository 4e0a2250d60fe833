import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import type { Contents } from './contents.ts'
import { S3Error } from './errors.ts'
import type { IndexDb } from './index-db.ts'
import { element, toXml, type XmlValue } from './xml.ts'

export interface Deps {
  index: IndexDb
  contents: Contents
}

/** A request of a client, with the bucket and the key that its URL names. */
export interface S3Request {
  raw: IncomingMessage
  response: ServerResponse
  /** Empty for a request to the service itself. */
  bucket: string
  /** Empty for a request to a bucket. */
  key: string
  query: URLSearchParams
}

const MAX_KEY_BYTES = 1_024

/**
 * Reads the bucket and the key: from the path, or the bucket from the host, as in `bucket.localhost`. A host with a
 * dot can also be that of the server itself, so it counts only if it begins with the name of a bucket.
 *
 * @throws S3Error InvalidURI, KeyTooLongError
 */
export function parseRequest(
  raw: IncomingMessage,
  response: ServerResponse,
  { index }: Pick<Deps, 'index'>,
): S3Request {
  const { url = '/', headers } = raw
  const [path = '', query = ''] = url.split(/\?(.*)/s)
  const text = decode(path.slice(1))
  const host = (headers.host ?? '').replace(/:\d+$/, '')
  const label = host.split('.')[0] ?? ''
  const isInHost = host !== label && isIP(host) === 0 && (host === `${label}.localhost` || index.hasBucket(label))
  const [, bucket = '', key = ''] = isInHost ? ['', label, text] : (/^([^/]*)\/?(.*)$/s.exec(text) ?? [])
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) throw new S3Error('KeyTooLongError', 'Your key is too long.')
  return { raw, response, bucket, key, query: new URLSearchParams(query) }
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw new S3Error('InvalidURI', "Couldn't parse the specified URI.")
  }
}

/** Returns a header of a request as one text. */
export function headerOf({ raw }: S3Request, name: string): string | undefined {
  return raw.headers[name]?.toString()
}

/** @throws S3Error NoSuchBucket */
export function checkBucket({ index }: Pick<Deps, 'index'>, bucket: string): void {
  if (!index.hasBucket(bucket)) throw new S3Error('NoSuchBucket', 'The specified bucket does not exist')
}

export function sendEmpty(
  { response }: S3Request,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { ...headers, ...(status !== 204 && { 'content-length': 0 }) })
  response.end()
}

export function sendXml(
  { response }: S3Request,
  root: string,
  content: XmlValue,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = toXml(root, content)
  const own = { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(body) }
  response.writeHead(200, { ...headers, ...own })
  response.end(body)
}

/** Sends an error. A response to HEAD has no body. */
export function sendError({ raw, response }: Pick<S3Request, 'raw' | 'response'>, error: S3Error): void {
  const { code, message, status, headers } = error
  const body = raw.method === 'HEAD' ? '' : element('Error', { Code: code, Message: message, Resource: raw.url ?? '' })
  response.writeHead(status, {
    ...headers,
    'content-type': 'application/xml',
    'content-length': Buffer.byteLength(body),
  })
  response.end(body)
}
