import { once } from 'node:events'
import type { FastifyReply } from 'fastify'

/** A response whose body is written over time. */
export interface OpenResponse {
  /** Fires when the page is gone or the console ends. */
  signal: AbortSignal
  /** False while the page reads too slowly. What is written then is kept in memory. */
  isReady(): boolean
  /** Resolves when there is room for more. */
  write(text: string): Promise<void>
  end(): void
}

/** Takes the response over from Fastify, with the headers that are set. */
export function openResponse(reply: FastifyReply, contentType: string, closing: AbortSignal): OpenResponse {
  const { raw } = reply
  const gone = new AbortController()
  const onClose = () => gone.abort()
  raw.once('close', onClose)
  // A connection that fails also closes.
  raw.on('error', onClose)
  reply.hijack()
  raw.writeHead(200, { ...(reply.getHeaders() as Record<string, string>), 'content-type': contentType })
  raw.flushHeaders()
  const signal = AbortSignal.any([gone.signal, closing])
  return {
    signal,
    isReady: () => !raw.writableNeedDrain,
    async write(text) {
      if (signal.aborted || raw.write(text)) return
      await once(raw, 'drain', { signal }).catch((error: unknown) => {
        if (!signal.aborted) throw error
      })
    },
    end: () => void raw.end(),
  }
}
