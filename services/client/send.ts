import { UnreadableFileError } from './errors.ts'
import type { Bytes } from './file.ts'
import { isNode } from './runtime.ts'

/** One HTTP request. */
export interface SendOptions {
  method: string
  headers?: Record<string, string> | undefined
  /** A text, or the bytes of a file. */
  body?: string | Bytes | undefined
  signal?: AbortSignal | undefined
  /** Called with the bytes of the body that were sent. */
  onSent?: ((bytes: number) => void) | undefined
  /** The request fails if neither a byte of the body nor a response moves for this time, in milliseconds. @default 60,000 */
  stallMs?: number | undefined
}

const STALL_MS = 60_000
/** Where nothing reports how much was sent, a body may take as long as at this rate, in bytes a second. */
const MIN_RATE = 16 * 1024
const CHUNK_BYTES = 128 * 1024

/** The part of XMLHttpRequest that is used. The types of the DOM are not those of Node. */
interface Xhr {
  responseType: string
  readonly response: Blob
  readonly status: number
  readonly upload: { onprogress: ((event: { loaded: number }) => void) | null }
  onloadend: (() => void) | null
  open(method: string, url: string): void
  setRequestHeader(name: string, value: string): void
  getAllResponseHeaders(): string
  send(body: unknown): void
  abort(): void
}

/** Undefined in Node and in service workers. */
const { XMLHttpRequest } = globalThis as { XMLHttpRequest?: new () => Xhr }

/**
 * Sends a request. Rejects if there is no response.
 *
 * @throws UnreadableFileError if the body can't be read
 */
export async function send(url: string, options: SendOptions): Promise<Response> {
  const { signal, stallMs = STALL_MS } = options
  const stalled = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const moved = (maxMs = stallMs) => {
    clearTimeout(timer)
    timer = setTimeout(() => stalled.abort(new Error(`Nothing moved for ${maxMs / 1_000} s.`)), maxMs)
  }
  const either = signal ? AbortSignal.any([signal, stalled.signal]) : stalled.signal
  const onSent = (bytes: number) => {
    moved()
    options.onSent?.(bytes)
  }
  const { body } = options
  // Only XMLHttpRequest reports in a browser how much of a body was sent. Service workers do not have it.
  const isBlind = isBytes(body) && !isNode && !XMLHttpRequest
  moved(isBlind ? stallMs + (body.size / MIN_RATE) * 1_000 : stallMs)
  try {
    const sending = { ...options, signal: either, onSent }
    return XMLHttpRequest && isBytes(body)
      ? await sendByXhr(new XMLHttpRequest(), url, sending)
      : await sendByFetch(url, sending)
  } catch (error) {
    if (body instanceof Blob && !isNode && !either.aborted) await checkReadable(body)
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/**
 * A browser reports a file that changed while it was sent in the same way as a lost connection.
 *
 * @throws UnreadableFileError
 */
async function checkReadable(body: Blob): Promise<void> {
  await body
    .slice(0, 1)
    .arrayBuffer()
    .catch((cause: unknown) => {
      throw new UnreadableFileError("The file can't be read, or has changed.", { cause })
    })
}

type Sending = SendOptions & { signal: AbortSignal; onSent(bytes: number): void }

async function sendByFetch(url: string, { method, headers = {}, body, signal, onSent }: Sending): Promise<Response> {
  // A browser sends no stream over HTTP/1.1. It reads the Blob itself.
  if (!isBytes(body) || !isNode) {
    return fetch(url, { method, headers, signal, ...(body !== undefined && { body: body as string | Blob }) })
  }
  let unreadable: unknown
  const bytes = counted(body, onSent, error => {
    unreadable = error
  })
  const init = { method, headers: { ...headers, 'content-length': String(body.size) }, signal, duplex: 'half' as const }
  try {
    return await fetch(url, body.size > 0 ? { ...init, body: bytes } : init)
  } catch (error) {
    if (unreadable === undefined || signal.aborted) throw error
    throw new UnreadableFileError("The file can't be read, or has changed.", { cause: unreadable })
  }
}

function isBytes(body: SendOptions['body']): body is Bytes {
  return typeof body === 'object'
}

/** The bytes of a file in small chunks. A Blob in memory gives all of them at once, which would count as sent at once. */
function counted(blob: Bytes, onSent: (bytes: number) => void, onError: (error: unknown) => void) {
  const reader = blob.stream().getReader()
  let rest: Uint8Array = new Uint8Array(0)
  let sent = 0
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          while (rest.length === 0) {
            const { done, value } = await reader.read()
            if (done) return controller.close()
            rest = value
          }
          const chunk = rest.subarray(0, CHUNK_BYTES)
          rest = rest.subarray(CHUNK_BYTES)
          controller.enqueue(chunk)
          sent += chunk.length
          onSent(sent)
        } catch (error) {
          onError(error)
          controller.error(error)
        }
      },
      cancel: reason => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}

function sendByXhr(xhr: Xhr, url: string, { method, headers = {}, body, signal, onSent }: Sending): Promise<Response> {
  return new Promise((resolve, reject) => {
    xhr.open(method, url)
    xhr.responseType = 'blob'
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value)
    xhr.upload.onprogress = ({ loaded }) => onSent(loaded)
    const abort = () => xhr.abort()
    signal.addEventListener('abort', abort)
    xhr.onloadend = () => {
      signal.removeEventListener('abort', abort)
      if (xhr.status === 0)
        return reject(signal.aborted ? signal.reason : new TypeError('The request got no response.'))
      const pairs = xhr
        .getAllResponseHeaders()
        .split('\r\n')
        .filter(line => line.includes(':'))
        .map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()] as [string, string])
      const isEmpty = xhr.status === 204 || xhr.status === 304
      resolve(new Response(isEmpty ? null : xhr.response, { status: xhr.status, headers: pairs }))
    }
    if (signal.aborted) reject(signal.reason)
    else xhr.send(body)
  })
}
