import { signal } from '@preact/signals'
import { Headgate, type Upload } from '../../client/index.ts'
import type { Failure } from '../snapshot.ts'
import { getJson, RequestError, token } from './api.ts'

export type { Upload }

/** The uploads of the list, the newest first. Undefined until the first page has arrived. */
export const uploads = signal<readonly Upload[] | undefined>(undefined)
export const uploadsFailure = signal<Failure | undefined>(undefined)
export const hasMore = signal(false)

/** A file that this page sends. */
export interface Sending {
  key: string
  name: string
  size: number
  sentBytes: number
  error?: string
  uploadId?: string
  stop: AbortController
}

export const sending = signal<readonly Sending[]>([])

const PAGE = 100
const BUSY_MS = 1_000
const IDLE_MS = 5_000
/** Larger files are sent by tus, so that an interrupted upload continues. */
const MAX_RAW_BYTES = 8 * 1024 ** 2

let nextPage: string | undefined

/** Keeps the list up to date while the view is open and the page is visible. Returns a function that ends this. */
export function watchUploads(): () => void {
  const stop = new AbortController()
  void (async () => {
    while (!stop.signal.aborted) {
      if (!document.hidden) await refresh(stop.signal)
      const isBusy = uploads.value?.some(({ status }) => !isFinal(status)) ?? false
      await new Promise(resolve => setTimeout(resolve, isBusy || sending.value.length > 0 ? BUSY_MS : IDLE_MS))
    }
  })()
  return () => stop.abort()
}

export function isFinal(status: Upload['status']): boolean {
  return status === 'processed' || status === 'failed'
}

interface UploadPage {
  uploads: Upload[]
  next?: string
}

/** Reads the newest uploads, and keeps the older ones that were read before. */
export async function refresh(signal?: AbortSignal): Promise<void> {
  try {
    const page = await getJson<UploadPage>(`/api/uploads?limit=${PAGE}`, signal)
    const oldest = page.uploads.at(-1)?.uploadId
    const older = oldest === undefined ? [] : (uploads.value ?? []).filter(({ uploadId }) => uploadId < oldest)
    uploads.value = [...page.uploads, ...older]
    if (older.length === 0) nextPage = page.next
    hasMore.value = nextPage !== undefined
    uploadsFailure.value = undefined
  } catch (error) {
    if (signal?.aborted) return
    if (!(error instanceof RequestError)) throw error
    uploadsFailure.value = error.failure
  }
}

let isLoadingMore = false

export async function loadMore(): Promise<void> {
  if (nextPage === undefined || isLoadingMore) return
  isLoadingMore = true
  try {
    const page = await getJson<UploadPage>(`/api${nextPage}`)
    nextPage = page.next
    hasMore.value = nextPage !== undefined
    uploads.value = [...(uploads.value ?? []), ...page.uploads]
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
    uploadsFailure.value = error.failure
  } finally {
    isLoadingMore = false
  }
}

const client = () => new Headgate({ url: `${location.origin}/api`, getToken: token })

/** Sends files, one after the other. */
export async function sendFiles(files: Iterable<File>): Promise<void> {
  const added = Array.from(files, file => ({
    file,
    entry: { key: crypto.randomUUID(), name: file.name, size: file.size, sentBytes: 0, stop: new AbortController() },
  }))
  sending.value = [...sending.value, ...added.map(({ entry }) => entry)]
  for (const { file, entry } of added) await send(file, entry)
}

async function send(file: File, { key, stop }: Sending): Promise<void> {
  const change = (part: Partial<Sending>) => {
    sending.value = sending.value.map(entry => (entry.key === key ? { ...entry, ...part } : entry))
  }
  try {
    await client().upload(file, {
      method: file.size > MAX_RAW_BYTES ? 'tus' : 'raw',
      signal: stop.signal,
      onProgress: ({ sentBytes }) => change({ sentBytes }),
    })
    forget(key)
    await refresh()
  } catch (error) {
    if (stop.signal.aborted) forget(key)
    else change({ error: error instanceof Error ? error.message : String(error) })
  }
}

export function forget(key: string): void {
  sending.value = sending.value.filter(entry => entry.key !== key)
}
