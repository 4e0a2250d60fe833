import type { Duplex } from 'node:stream'
import { createFrameDecoder, encodeFrame, type Frame, type FrameKind } from './frames.ts'

type Listener = (kind: FrameKind, payload: Buffer) => void

/** One conversation of a link. */
export interface Port {
  readonly number: number
  post(kind: FrameKind, payload?: Buffer): void
  /** Sets the only listener. */
  listen(listener: Listener): void
  /** Calls back once the link is gone. Returns a function that removes the callback. */
  onGone(callback: () => void): () => void
  /** Stops listening. */
  close(): void
}

/** Many conversations between two processes over one stream of bytes. */
export interface Link {
  port(number: number): Port
  /** True once the stream has closed. */
  readonly isGone: boolean
}

export interface LinkSettings {
  /** Called with every frame, before its listener. */
  onFrame?: (frame: Frame, direction: 'in' | 'out') => void
  /** Called once, when the stream has ended, failed, or carried an invalid frame. */
  onGone?: (error?: Error) => void
}

const NOTHING = Buffer.alloc(0)

/**
 * Opens a link over a stream. Each value is requested before it is sent, so only a few are in flight, and the stream's backpressure is
 * not needed.
 */
export function createLink(stream: Duplex, { onFrame, onGone }: LinkSettings = {}): Link {
  const listeners = new Map<number, Listener>()
  const callbacks = new Set<() => void>()
  const decode = createFrameDecoder()
  let isGone = false
  let failure: Error | undefined

  const gone = () => {
    if (isGone) return
    isGone = true
    onGone?.(failure)
    for (const callback of [...callbacks]) callback()
    listeners.clear()
    callbacks.clear()
  }
  stream.on('data', (bytes: Buffer) => {
    try {
      for (const frame of decode(bytes)) {
        onFrame?.(frame, 'in')
        // Frames may still arrive for a port that was just closed.
        listeners.get(frame.port)?.(frame.kind, frame.payload)
      }
    } catch (error) {
      stream.destroy(error as Error)
    }
  })
  stream.on('error', error => {
    failure = error
  })
  stream.on('end', () => stream.destroy())
  stream.on('close', gone)

  return {
    get isGone() {
      return isGone
    },
    port: number => ({
      number,
      post(kind, payload = NOTHING) {
        if (isGone || stream.destroyed) return
        const frame = { port: number, kind, payload }
        const [head, body] = encodeFrame(frame)
        onFrame?.(frame, 'out')
        stream.cork()
        stream.write(head)
        stream.write(body)
        stream.uncork()
      },
      listen: listener => void listeners.set(number, listener),
      onGone(callback) {
        if (isGone) queueMicrotask(callback)
        else callbacks.add(callback)
        return () => callbacks.delete(callback)
      },
      close: () => void listeners.delete(number),
    }),
  }
}
