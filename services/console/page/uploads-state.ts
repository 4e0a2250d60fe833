import { signal } from '@preact/signals'
import type { Upload } from '../../client/index.ts'
import type { Failure } from '../snapshot.ts'
import { getJson, RequestError } from './api.ts'
import { sending } from './sending.ts'

export type { Upload }

/** The uploads of the list, the newest first. Undefined until the first page has arrived. */
export const uploads = signal<readonly Upload[] | undefined>(undefined)
export const uploadsFailure = signal<Failure | undefined>(undefined)
export const hasMore = signal(false)

const PAGE = 100
const BUSY_MS = 1_000
const IDLE_MS = 5_000

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
  return status === 'processed' || status === 'failed' || status === 'quarantined'
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
