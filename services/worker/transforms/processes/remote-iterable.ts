import { HeadgateError } from '../../../platform/errors.ts'
import type { Port } from './link.ts'
import { fromWire, readWireError, toWire } from './wire-error.ts'

/** The other process ended before the iterable did. */
export class PortGoneError extends HeadgateError {
  readonly code = 'HEADGATE_PORT_GONE'
}

/** Maximum length of a piece, in bytes. */
const MAX_PIECE = 256 * 1024

/**
 * Serves an iterable through a port, one value per request, so that the reader sets the pace. Resolves once the iterable has ended or
 * failed, or the reader has stopped. The reader gets the error.
 */
export function serveIterable<T>(port: Port, iterable: AsyncIterable<T>, pack: (value: T) => Buffer): Promise<void> {
  const iterator = iterable[Symbol.asyncIterator]()
  let turn = Promise.resolve()

  return new Promise(resolve => {
    let forget: (() => void) | undefined
    const over = () => {
      port.close()
      forget?.()
      resolve()
    }

    async function next(): Promise<void> {
      try {
        const step = await iterator.next()
        if (!step.done) return port.post('value', pack(step.value))
        port.post('done')
      } catch (error) {
        port.post('error', toWire(error))
      }
      over()
    }

    async function end(): Promise<void> {
      // No reader is left for an error.
      await iterator.return?.().catch(() => undefined)
      over()
    }

    port.listen(kind => {
      turn = turn.then(kind === 'next' ? next : end)
    })
    // Does not wait for the value in progress: the reader is gone, and the value may hang.
    forget = port.onGone(() => {
      iterator.return?.().catch(() => undefined)
      over()
    })
  })
}

export interface ReadOptions<T> {
  unpack: (payload: Buffer) => T
  /** True to request one value ahead, if it does not matter when the value is produced. */
  isAhead?: boolean
  /** Ends the reading with its reason. */
  signal?: AbortSignal | undefined
}

/**
 * Reads what the other end of a port serves.
 *
 * @throws what the iterable threw, PortGoneError when the other process is gone, and the signal's reason
 */
export async function* readRemote<T>(
  port: Port,
  { unpack, isAhead = false, signal }: ReadOptions<T>,
): AsyncGenerator<T> {
  const replies: Array<{ value: T } | { done: true } | { error: unknown }> = []
  let wake: (() => void) | undefined
  let isGone = false
  port.listen((kind, payload) => {
    if (kind === 'value') replies.push({ value: unpack(payload) })
    else if (kind === 'done') replies.push({ done: true })
    else replies.push({ error: fromWire(readWireError(payload)) })
    wake?.()
  })
  const forget = port.onGone(() => {
    isGone = true
    wake?.()
  })
  const onAbort = () => wake?.()
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    port.post('next')
    while (true) {
      while (replies.length === 0) {
        signal?.throwIfAborted()
        if (isGone) throw new PortGoneError('The other process has ended.')
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
      const reply = replies.shift()
      if (!reply || 'done' in reply) return
      if ('error' in reply) throw reply.error
      if (isAhead) port.post('next')
      yield reply.value
      if (!isAhead) port.post('next')
    }
  } finally {
    signal?.removeEventListener('abort', onAbort)
    forget()
    port.post('return')
    port.close()
  }
}

/** Cuts bytes into pieces that fit into a frame. */
export async function* inPieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const { buffer, byteOffset, byteLength } of chunks) {
    for (let at = 0; at < byteLength; at += MAX_PIECE) {
      yield Buffer.from(buffer, byteOffset + at, Math.min(MAX_PIECE, byteLength - at))
    }
  }
}
