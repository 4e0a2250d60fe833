import { Api, type HeadgateOptions } from './api.ts'
import { ConnectionError, UploadDeletedError, UploadFailedError } from './errors.ts'
import { followUpload, type UploadEvent } from './events.ts'
import { isRetryable, problemOf } from './problem-of.ts'
import { NotFoundError } from './problems.ts'
import { Retries } from './retry.ts'
import type {
  Download,
  FileInput,
  RequestOptions,
  Upload,
  UploadedFile,
  UploadLimits,
  UploadOptions,
  UploadStatus,
} from './types.ts'
import { upload } from './upload.ts'

/** Options of `list`. */
export interface ListOptions extends RequestOptions {
  /** Only uploads with this status. */
  status?: UploadStatus | undefined
  /** Only uploads whose metadata has this value under this name. */
  metadata?: { name: string; value: string } | undefined
  /** Number of uploads that one request gets: 1 to 100. @default 100 */
  pageSize?: number | undefined
}

/** Which bytes of an upload to download. */
export interface DownloadOptions extends RequestOptions {
  /**
   * `content` is the file as it was uploaded, `processed` its main output. `{ output }` is an output by its name.
   *
   * @default content
   */
  what?: 'content' | 'processed' | { output: string } | undefined
  /**
   * The first byte to download, to continue a download that broke off, and the `etag` of the response that broke off. The response has the
   * status 206 and the rest of the bytes, or the status 200 and all bytes if the object has changed since.
   */
  continueFrom?: { offset: number; etag: string } | undefined
}

/** Options of `waitUntilProcessed`. */
export interface WaitOptions extends RequestOptions {
  /** Called with every state that the client sees. */
  onStatus?: ((upload: Upload) => void) | undefined
}

const WAIT_SECONDS = 20
const DEFAULT_PAGE_SIZE = 100

/** A client of one deployment of Headgate, for one user. */
export class Headgate {
  readonly #api: Api
  #limits: Promise<UploadLimits> | undefined

  /** Creates a client. It sends nothing until a method is called. */
  constructor(options: HeadgateOptions) {
    this.#api = new Api(options)
  }

  /** Returns what the deployment accepts. Asks once. */
  limits(): Promise<UploadLimits> {
    this.#limits ??= this.#api.json<UploadLimits>('/uploads/limits').catch((error: unknown) => {
      this.#limits = undefined
      throw error
    })
    return this.#limits
  }

  /**
   * Uploads a file, and resolves when it is stored and recorded. Small files are sent in one request, and others straight to S3. Requests
   * without a response are retried, without a second upload.
   *
   * @throws ProblemError, ConnectionError, StorageError, UnreadableFileError, CorruptUploadError, and the reason of the signal
   */
  upload(file: FileInput, options: UploadOptions = {}): Promise<UploadedFile> {
    return upload(this.#api, () => this.limits(), file, options)
  }

  /** Returns an upload. @throws NotFoundError */
  status(uploadId: string, { signal }: RequestOptions = {}): Promise<Upload> {
    return this.#api.json<Upload>(pathOf(uploadId), { signal })
  }

  /**
   * Resolves to the upload when it is processed. Set a signal, such as `AbortSignal.timeout(60_000)`, to wait for a limited time.
   *
   * @throws UploadFailedError if it can't be processed or is quarantined, UploadDeletedError, NotFoundError
   */
  async waitUntilProcessed(uploadId: string, { signal, onStatus }: WaitOptions = {}): Promise<Upload> {
    let tag: string | undefined
    for (;;) {
      // The first request returns at once, and each further one when the upload changes.
      const [query, headers] = tag === undefined ? ['', {}] : [`?wait=${WAIT_SECONDS}`, { 'if-none-match': tag }]
      const response = await this.#api
        .request(pathOf(uploadId) + query, { headers, signal })
        .catch((error: unknown) => {
          const isDeleted = error instanceof NotFoundError && tag !== undefined
          throw isDeleted ? new UploadDeletedError(`The upload ${uploadId} was deleted.`, { cause: error }) : error
        })
      if (response.status === 304) continue
      tag = response.headers.get('etag') ?? undefined
      const found = (await response.json()) as Upload
      onStatus?.(found)
      if (found.status === 'processed') return found
      if (found.status === 'failed' || found.status === 'quarantined') throw new UploadFailedError(found)
    }
  }

  /** Yields the upload now and after every change, until it is processed, failed, quarantined or deleted. */
  events(uploadId: string, { signal }: RequestOptions = {}): AsyncGenerator<UploadEvent, void> {
    return followUpload(this.#api, uploadId, signal)
  }

  /** Yields the uploads of the user, newest first. Gets the next page when it is needed. */
  async *list({
    status,
    metadata,
    pageSize = DEFAULT_PAGE_SIZE,
    signal,
  }: ListOptions = {}): AsyncGenerator<Upload, void> {
    const pair = metadata && `${metadata.name}:${metadata.value}`
    const filter = { ...(status && { status }), ...(pair && { metadata: pair }) }
    let query: string | undefined = `?${new URLSearchParams({ ...filter, limit: String(pageSize) })}`
    while (query !== undefined) {
      const page: { uploads: Upload[]; next?: string } = await this.#api.json(`/uploads${query}`, { signal })
      yield* page.uploads
      query = page.next?.slice(page.next.indexOf('?'))
    }
  }

  /**
   * Returns a URL from which anybody can download the bytes for a short time, so keep it secret.
   *
   * @throws NotFoundError, ContentNotReadyError, ProcessingFailedError, QuarantinedError, ContentGoneError
   */
  downloadUrl(uploadId: string, { what = 'content', signal }: DownloadOptions = {}): Promise<Download> {
    const which = typeof what === 'string' ? what : `outputs/${encodeURIComponent(what.output)}`
    return this.#api.json<Download>(`${pathOf(uploadId)}/${which}`, { headers: { accept: 'application/json' }, signal })
  }

  /**
   * Downloads bytes. Resolves when they begin to arrive: read them with `blob()`, `text()` or `body`.
   *
   * @throws the errors of `downloadUrl`, and ConnectionError
   */
  async download(uploadId: string, options: DownloadOptions = {}): Promise<Response> {
    const { signal } = options
    let { continueFrom } = options
    const retries = new Retries(this.#api.retryForMs, signal)
    for (;;) {
      const { url } = await this.downloadUrl(uploadId, options)
      const headers = continueFrom && { range: `bytes=${continueFrom.offset}-`, 'if-match': continueFrom.etag }
      const failure = await fetch(url, { ...(signal && { signal }), ...(headers && { headers }) }).then(
        async response => (response.ok || response.status === 412 ? response : problemOf(response)),
        (cause: unknown) => new ConnectionError(`${new URL(url).origin} did not respond.`, { cause }),
      )
      if (failure instanceof Response) {
        // S3 has no `If-Range`: it answers 412 if the object has changed, and some servers ignore the condition of a range.
        const isOther = continueFrom && (!failure.ok || failure.headers.get('etag') !== continueFrom.etag)
        if (!isOther) return failure
        await failure.body?.cancel()
        continueFrom = undefined
        continue
      }
      signal?.throwIfAborted()
      if (!isRetryable(failure) || !(await retries.next())) throw failure
    }
  }

  /** Deletes an upload with its outputs, or ends one that has not arrived completely. An upload that does not exist counts as deleted. */
  async remove(uploadId: string, { signal }: RequestOptions = {}): Promise<void> {
    try {
      await this.#api.request(pathOf(uploadId), { method: 'DELETE', signal })
    } catch (error) {
      // A retry of a request whose response was lost gets this error too.
      if (!(error instanceof NotFoundError)) throw error
    }
  }
}

function pathOf(uploadId: string): string {
  return `/uploads/${encodeURIComponent(uploadId)}`
}
