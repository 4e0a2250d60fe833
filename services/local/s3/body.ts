import { createHash } from 'node:crypto'
import { createAwsChunkedDecoder } from './aws-chunked.ts'
import {
  type Algorithm,
  headerOf as checksumHeader,
  createDigest,
  DEFAULT_ALGORITHM,
  findChecksum,
} from './checksums.ts'
import type { Contents, Segment } from './contents.ts'
import { S3Error } from './errors.ts'
import { headerOf, type S3Request } from './request.ts'

/** The bytes of a request body, on disk and verified. */
export interface ReceivedBody {
  segment: Segment
  /** The MD5 in hex. */
  md5: string
  /** The checksum that the client sent, or of the default algorithm. */
  algorithm: Algorithm
  /** Base64. */
  checksum: string
  /** True if the client sent the checksum. */
  isSent: boolean
}

/** The maximum size of the body of one request: 5 GiB. */
const MAX_BODY_BYTES = 5 * 1024 ** 3
const MAX_XML_BYTES = 2 * 1024 ** 2

/**
 * Writes the body of a request to a file, and compares it with every digest that the client sent. If one differs, no file
 * remains.
 *
 * @param wanted the algorithm to compute if the client sent no checksum
 * @throws S3Error BadDigest, EntityTooLarge, IncompleteBody, InvalidDigest, InvalidRequest, MissingContentLength,
 *   XAmzContentSHA256Mismatch
 */
export async function receiveBody(
  request: S3Request,
  contents: Contents,
  wanted: Algorithm = DEFAULT_ALGORITHM,
): Promise<ReceivedBody> {
  const { raw } = request
  const isChunked = isAwsChunked(request)
  const size = bodySize(request, isChunked)
  const inTrailer = headerOf(request, 'x-amz-trailer')?.trim().toLowerCase()
  const sent = findChecksum(inTrailer === undefined ? raw.headers : { ...raw.headers, [inTrailer]: undefined })
  const algorithm = sent?.algorithm ?? algorithmOfTrailer(inTrailer) ?? wanted
  const decoder = isChunked ? createAwsChunkedDecoder() : undefined
  const md5 = createHash('md5')
  const checksum = createDigest(algorithm)
  const payload = /^[0-9a-f]{64}$/.test(headerOf(request, 'x-amz-content-sha256') ?? '')
    ? createHash('sha256')
    : undefined

  async function* decoded(): AsyncGenerator<Buffer> {
    let length = 0
    // After an error, the connection stays open for the response.
    for await (const chunk of raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      for (const bytes of decoder ? decoder.decode(chunk) : [chunk]) {
        length += bytes.length
        if (length > size) throw differs()
        md5.update(bytes)
        checksum.update(bytes)
        payload?.update(bytes)
        yield bytes
      }
    }
  }

  const segment = await contents.write(decoded())
  try {
    const trailers = decoder?.finish() ?? {}
    if (segment.length !== size) throw differs()
    const digest = md5.digest()
    checkMd5(request, digest)
    const computed = checksum.digest().toString('base64')
    const expected = sent ?? findChecksum(trailers)
    if (inTrailer !== undefined && !expected) {
      throw new S3Error('IncompleteBody', `The trailer ${inTrailer} is missing.`)
    }
    if (expected && expected.value !== computed) {
      throw new S3Error('BadDigest', `The ${algorithm} you specified did not match the calculated checksum.`)
    }
    if (payload && payload.digest('hex') !== headerOf(request, 'x-amz-content-sha256')) {
      throw new S3Error(
        'XAmzContentSHA256Mismatch',
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
      )
    }
    return { segment, md5: digest.toString('hex'), algorithm, checksum: computed, isSent: expected !== undefined }
  } catch (error) {
    await contents.delete([segment.file])
    throw error
  }
}

/**
 * Reads the XML body of a request.
 *
 * @throws S3Error MalformedXML if it is too large
 */
export async function readXml({ raw }: S3Request): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MAX_XML_BYTES) {
      throw new S3Error(
        'MalformedXML',
        'The XML you provided was not well-formed or did not validate against our published schema',
      )
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function differs(): S3Error {
  return new S3Error(
    'IncompleteBody',
    'You did not provide the number of bytes specified by the Content-Length HTTP header.',
  )
}

function isAwsChunked(request: S3Request): boolean {
  const encodings = headerOf(request, 'content-encoding')?.split(',') ?? []
  if (encodings.some(one => one.trim() === 'aws-chunked')) return true
  return headerOf(request, 'x-amz-content-sha256')?.startsWith('STREAMING-') === true
}

function bodySize(request: S3Request, isChunked: boolean): number {
  const text = headerOf(request, isChunked ? 'x-amz-decoded-content-length' : 'content-length')
  if (text === undefined || !/^\d+$/.test(text))
    throw new S3Error('MissingContentLength', 'You must provide the Content-Length HTTP header.')
  const size = Number(text)
  if (size > MAX_BODY_BYTES) {
    throw new S3Error('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size')
  }
  return size
}

function algorithmOfTrailer(name: string | undefined): Algorithm | undefined {
  if (name === undefined) return undefined
  const all: readonly Algorithm[] = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256']
  const algorithm = all.find(one => checksumHeader(one) === name)
  if (algorithm) return algorithm
  throw new S3Error('InvalidRequest', `The value specified in the x-amz-trailer header is not supported: ${name}`)
}

function checkMd5(request: S3Request, digest: Buffer): void {
  const text = headerOf(request, 'content-md5')
  if (text === undefined) return
  const expected = Buffer.from(text, 'base64')
  if (expected.length !== digest.length)
    throw new S3Error('InvalidDigest', 'The Content-MD5 you specified was invalid.')
  if (expected.equals(digest)) return
  throw new S3Error('BadDigest', 'The Content-MD5 you specified did not match what we received.')
}
