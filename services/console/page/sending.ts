import { signal } from '@preact/signals'
import type { PreviousUpload } from 'tus-js-client'
import { Headgate } from '../../client/index.ts'
import { token } from './api.ts'

/** A file that this page sends. */
export interface Sending {
  key: string
  name: string
  size: number
  sentBytes: number
  isPaused: boolean
  error?: string | undefined
  cancel(): void
  /** Only large files can be paused. */
  pause?(): void
  resume?(): void
  /** Sends the file once more, after an error. */
  retry?: (() => void) | undefined
}

/** A file that an earlier page did not send to its end. */
export interface Interrupted {
  key: string
  name: string
}

export const sending = signal<readonly Sending[]>([])
export const interrupted = signal<readonly Interrupted[]>([])

/** Larger files are sent by tus, so that they can be paused, and continue after the page was closed. */
const MAX_RAW_BYTES = 8 * 1024 ** 2

/** The library is loaded when the view of the uploads opens, so that the other views do not wait for it. */
const loadTus = () => import('tus-js-client')

type Change = (part: Partial<Sending>) => void

/** Sends files, one after the other. A file that is paused lets the next one begin. */
export async function sendFiles(files: Iterable<File>, onSent: () => Promise<void>): Promise<void> {
  const added = Array.from(files, file => ({ file, key: crypto.randomUUID() }))
  const entries = added.map(({ file: { name, size }, key }) => ({
    ...{ key, name, size, sentBytes: 0, isPaused: false },
    cancel: () => forget(key),
  }))
  sending.value = [...sending.value, ...entries]
  for (const { file, key } of added) {
    // It may have been removed while it waited for its turn.
    if (sending.value.some(entry => entry.key === key)) await send(file, key, onSent)
  }
}

/** Resolves when the file is sent, has failed, or is paused. */
async function send(file: File, key: string, onSent: () => Promise<void>): Promise<void> {
  const change: Change = part => {
    sending.value = sending.value.map(entry => (entry.key === key ? { ...entry, ...part } : entry))
  }
  const paused = Promise.withResolvers<void>()
  const work = async () => {
    try {
      if (file.size > MAX_RAW_BYTES) await sendByTus(file, key, change, paused.resolve)
      else await sendWhole(file, key, change)
      forget(key)
      await onSent()
    } catch (error) {
      change({
        error: error instanceof Error ? error.message : String(error),
        retry() {
          change({ error: undefined, sentBytes: 0, retry: undefined })
          void send(file, key, onSent)
        },
      })
    }
  }
  await Promise.race([work(), paused.promise])
}

async function sendWhole(file: File, key: string, change: Change): Promise<void> {
  const stop = new AbortController()
  change({ cancel: () => stop.abort() })
  const client = new Headgate({ url: `${location.origin}/api`, getToken: token })
  try {
    const onProgress = ({ sentBytes }: { sentBytes: number }) => change({ sentBytes })
    await client.upload(file, { method: 'raw', signal: stop.signal, onProgress })
  } catch (error) {
    if (!stop.signal.aborted) throw error
    forget(key)
  }
}

/** Resolves when the file is sent or cancelled. Continues an upload of the same file that was interrupted. */
async function sendByTus(file: File, key: string, change: Change, onPause: () => void): Promise<void> {
  const { Upload } = await loadTus()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const upload = new Upload(file, {
    endpoint: `${location.origin}/api/uploads/tus`,
    headers: { authorization: `Bearer ${token()}` },
    metadata: { filename: file.name, filetype: file.type },
    removeFingerprintOnSuccess: true,
    onProgress: sentBytes => change({ sentBytes }),
    onSuccess: () => resolve(),
    onError: reject,
  })
  const [previous] = await upload.findPreviousUploads()
  if (previous) upload.resumeFromPreviousUpload(previous)
  interrupted.value = interrupted.value.filter(entry => entry.key !== previous?.urlStorageKey)
  change({
    cancel() {
      forget(key)
      upload.abort(true).then(resolve, reject)
    },
    pause() {
      change({ isPaused: true })
      onPause()
      upload.abort().catch(reject)
    },
    resume() {
      change({ isPaused: false })
      upload.start()
    },
  })
  upload.start()
  await promise
}

/** Finds the files that an earlier page did not send to their end. The browser remembers only their names, so they must be chosen again. */
export async function findInterrupted(): Promise<void> {
  const { defaultOptions } = await loadTus()
  const found: PreviousUpload[] = (await defaultOptions.urlStorage?.findAllUploads()) ?? []
  // After a pause, the view may be opened again while the page still has the file.
  const names = new Set(sending.value.map(({ name }) => name))
  interrupted.value = found
    .map(({ urlStorageKey: key, metadata: { filename = 'a file' } }) => ({ key, name: filename }))
    .filter(({ name }) => !names.has(name))
}

/** Forgets an interrupted upload. The api removes what it has of the file within a day. */
export async function forgetInterrupted(key: string): Promise<void> {
  const { defaultOptions } = await loadTus()
  await defaultOptions.urlStorage?.removeUpload(key)
  interrupted.value = interrupted.value.filter(entry => entry.key !== key)
}

export function forget(key: string): void {
  sending.value = sending.value.filter(entry => entry.key !== key)
}
