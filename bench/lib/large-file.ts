import { randomBytes } from 'node:crypto'
import { type IncomingMessage, request as send } from 'node:http'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { BenchError } from './errors.ts'

export interface LargeFile {
  /** The URL of the service, such as `http://host:port`. */
  url: string
  token: string
  /** Bytes. */
  size: number
  signal: AbortSignal
}

/**
 * Sends a file of this size.
 *
 * @throws BenchError if the file is rejected
 */
export type SendFile = (file: LargeFile) => Promise<void>

export const sendRaw: SendFile = async file => {
  const headers = { 'content-type': 'application/octet-stream', 'content-length': file.size }
  await exchange(file, 'POST', '/uploads?filename=large.bin', headers, bytesOf(file.size))
}

export const sendForm: SendFile = async file => {
  const head = Buffer.from(
    `--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="large.bin"\r\ncontent-type: application/octet-stream\r\n\r\n`,
  )
  const tail = Buffer.from(`\r\n--${BOUNDARY}--\r\n`)
  async function* body() {
    yield head
    yield* bytesOf(file.size)
    yield tail
  }
  const headers = {
    'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
    'content-length': head.length + file.size + tail.length,
  }
  await exchange(file, 'POST', '/uploads', headers, body())
}

/** As tus clients do without a chunk size: one request creates the upload, and one sends all bytes. */
export const sendTus: SendFile = async file => {
  const filename = Buffer.from('large.bin').toString('base64')
  const created = await exchange(file, 'POST', '/uploads/tus', {
    ...TUS,
    'upload-length': file.size,
    'upload-metadata': `filename ${filename}`,
    'content-length': 0,
  })
  const { location = '' } = created.headers
  const headers = {
    ...TUS,
    'upload-offset': 0,
    'content-type': 'application/offset+octet-stream',
    'content-length': file.size,
  }
  const { pathname } = new URL(location, file.url)
  const done = await exchange(file, 'PATCH', pathname, headers, bytesOf(file.size))
  if (done.headers['upload-offset'] === String(file.size)) return
  throw new BenchError(`${file.url} received ${done.headers['upload-offset']} of ${file.size} bytes.`)
}

const BOUNDARY = 'f0e1d2c3b4a5968778695a4b3c2d1e0f'
const TUS = { 'tus-resumable': '1.0.0' } as const

/** Random bytes, which are not text and cannot be compressed. */
const BLOCK = randomBytes(1024 ** 2)

async function* bytesOf(size: number): AsyncGenerator<Uint8Array> {
  for (let left = size; left > 0; left -= BLOCK.length) yield BLOCK.subarray(0, left)
}

async function exchange(
  { url, token, signal }: LargeFile,
  method: string,
  path: string,
  headers: Record<string, string | number>,
  body: AsyncIterable<Uint8Array> = bytesOf(0),
): Promise<IncomingMessage> {
  const request = send(`${url}${path}`, {
    method,
    headers: { ...headers, authorization: `Bearer ${token}` },
    agent: false,
    signal,
  })
  const { promise: answered, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  request.once('response', resolve).once('error', reject)
  // A rejection comes before the end of the body, and says more than a closed connection does.
  const sent = pipeline(Readable.from(body), request).catch(() => undefined)
  const response = await answered
  const answer = await text(response)
  await sent
  const { statusCode = 0 } = response
  if (statusCode >= 200 && statusCode < 300) return response
  throw new BenchError(`${method} ${url}${path}: ${statusCode} ${answer}`)
}
