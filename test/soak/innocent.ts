import { setTimeout as pass } from 'node:timers/promises'
import type { Sender } from '../chaos/clients/client.ts'
import { sendUpload } from '../chaos/clients/client.ts'
import { send } from '../chaos/clients/http.ts'

export interface InnocentUpload {
  uploadId: string
  /** Milliseconds until the api had accepted it. */
  acceptedMs: number
}

/** An owner of small texts, independent of the other owners. */
export interface Innocent {
  readonly uploads: readonly InnocentUpload[]
  /** Errors of requests, one per line. */
  readonly problems: readonly string[]
  /** Resolves when the last request has been answered. */
  stop(): Promise<void>
}

/** Sends a text of 5 bytes repeatedly, without waiting for the previous answer. */
export function startInnocent(sender: Sender, everyMs: number): Innocent {
  const uploads: InnocentUpload[] = []
  const problems: string[] = []
  const inFlight = new Set<Promise<void>>()
  const stopped = new AbortController()
  let n = 0

  async function sendOne(): Promise<void> {
    const startedAt = performance.now()
    const file = { filename: `innocent-${n++}.txt`, contentType: 'text/plain', bytes: Buffer.from('hello') }
    const { answer } = await sendUpload(sender, { format: 'raw', files: [file] })
    const [uploadId] = answer.outcome === 'accepted' ? answer.uploadIds : []
    if (uploadId !== undefined) uploads.push({ uploadId, acceptedMs: performance.now() - startedAt })
    else problems.push(`${file.filename}: ${JSON.stringify(answer)}`)
  }

  const loop = (async () => {
    while (!stopped.signal.aborted) {
      const sending = sendOne().finally(() => inFlight.delete(sending))
      inFlight.add(sending)
      await pass(everyMs, undefined, { signal: stopped.signal }).catch(() => undefined)
    }
  })()

  return {
    uploads,
    problems,
    async stop() {
      stopped.abort()
      await loop
      await Promise.all(inFlight)
    },
  }
}

/** The answer of `GET /uploads/{id}`. */
export interface FoundUpload {
  status: string
  uploadedAt: string
  updatedAt: string
  failure?: { code: string; reason: string }
}

export async function findUpload({ api, authorization }: Sender, uploadId: string): Promise<FoundUpload | undefined> {
  const { status, body } = await send(`${api()}/uploads/${uploadId}`, { headers: { authorization } })
  return status === 200 ? (body as unknown as FoundUpload) : undefined
}

/** Returns the milliseconds from acceptance to the current status, by the clocks of the api and the worker. */
export const lasted = ({ uploadedAt, updatedAt }: FoundUpload) => Date.parse(updatedAt) - Date.parse(uploadedAt)
