import type { Api } from './api.ts'
import { pause } from './retry.ts'
import type { Upload } from './types.ts'

/** A change of an upload. */
export type UploadEvent = { type: 'upload'; upload: Upload } | { type: 'deleted' }

/** The api sends a heartbeat every 15 s. */
const SILENCE_MS = 45_000
const RECONNECT_MS = 2_000

/** Follows an upload until its final state. Reconnects after the last event that was received, so no state is missed. */
export async function* followUpload(
  api: Api,
  uploadId: string,
  signal?: AbortSignal,
): AsyncGenerator<UploadEvent, void> {
  let lastSeen: string | undefined
  let delayMs = RECONNECT_MS
  const path = `/uploads/${encodeURIComponent(uploadId)}/events`
  for (;;) {
    const headers = { accept: 'text/event-stream', ...(lastSeen !== undefined && { 'last-event-id': lastSeen }) }
    const stop = new AbortController()
    const either = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal
    try {
      const response = await api.request(path, { headers, signal: either })
      if (response.status === 204 || !response.body) return
      for await (const { event, data, id, retry } of readEvents(response.body, () => stop.abort())) {
        if (retry !== undefined) delayMs = retry
        if (id !== undefined) lastSeen = id
        if (event === 'deleted') {
          yield { type: 'deleted' }
          return
        }
        if (event !== 'upload') continue
        const upload = JSON.parse(data) as Upload
        yield { type: 'upload', upload }
        if (['processed', 'failed', 'quarantined'].includes(upload.status)) return
      }
    } catch (error) {
      signal?.throwIfAborted()
      // The connection was lost while the stream was read. The request itself is retried by the api client.
      if (!(error instanceof TypeError) && !stop.signal.aborted) throw error
    } finally {
      stop.abort()
    }
    await pause(delayMs, signal)
  }
}

interface ServerEvent {
  event: string
  data: string
  id?: string | undefined
  /** Milliseconds. */
  retry?: number | undefined
}

/** Parses server-sent events (WHATWG HTML, 9.2). @param onSilence called if nothing arrives for too long */
async function* readEvents(body: ReadableStream<Uint8Array>, onSilence: () => void): AsyncGenerator<ServerEvent, void> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader()
  let timer: ReturnType<typeof setTimeout> | undefined
  let text = ''
  let fields: ServerEvent = { event: 'message', data: '' }
  try {
    for (;;) {
      clearTimeout(timer)
      timer = setTimeout(onSilence, SILENCE_MS)
      const { done, value } = await reader.read()
      if (done) return
      text += value
      // A CR at the end may be the first half of a CR LF.
      const lines = text.split(/\r\n|\n|\r(?!$)/)
      text = lines.pop() ?? ''
      for (const line of lines) {
        if (line !== '') {
          read(line, fields)
          continue
        }
        yield fields
        fields = { event: 'message', data: '' }
      }
    }
  } finally {
    clearTimeout(timer)
    await reader.cancel().catch(() => undefined) // A broken stream can't be cancelled, and its error is known already.
  }
}

function read(line: string, fields: ServerEvent): void {
  const [, name, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
  if (name === 'event') fields.event = value
  else if (name === 'data') fields.data += (fields.data === '' ? '' : '\n') + value
  else if (name === 'id') fields.id = value
  else if (name === 'retry' && /^\d+$/.test(value)) fields.retry = Number(value)
}
